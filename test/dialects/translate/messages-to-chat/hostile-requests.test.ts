import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CallIds, endpointIds } from '../../../../src/dialects/hub/calls/call-ids.ts'
import { translate, user } from './support.ts'

const call = (id: string) => ({ type: 'tool_use', id, name: 'f', input: {} })
const result = (id: string, text: string) => ({
  type: 'tool_result',
  tool_use_id: id,
  content: [{ type: 'text', text }],
})
const conversation = (calls: object[], results: object[]) => ({
  messages: [user('x'), { role: 'assistant', content: calls }, { role: 'user', content: results }],
})
const times = <T>(count: number, make: (at: number) => T) =>
  Array.from({ length: count }, (_, at) => make(at))

/** Milliseconds of CPU that a translation takes. */
function cost(request: object): number {
  const before = process.cpuUsage()
  translate(request)
  const { user: userUs, system } = process.cpuUsage(before)
  return (userUs + system) / 1000
}

describe('an expensive request', () => {
  it('does not multiply one result by the calls with its ID', () => {
    const request = conversation(
      times(12_000, () => call('t')),
      [result('t', 'r'.repeat(100_000))],
    )
    const sent = JSON.stringify(translate(request))
    assert.ok(sent.length < 2 * JSON.stringify(request).length, String(sent.length))
    assert.equal(sent.split('r'.repeat(100_000)).length, 2)
  })

  const shapes: readonly [string, (count: number) => object][] = [
    [
      'equal IDs',
      (count) =>
        conversation(
          times(count, () => call('t')),
          times(count, () => result('t', 'r')),
        ),
    ],
    [
      'calls and results',
      (count) =>
        conversation(
          times(count, (at) => call(`t${at}`)),
          times(count, (at) => result(`t${at}`, 'r')),
        ),
    ],
    [
      'system messages',
      (count) => ({ messages: [user('x'), ...times(count, () => ({ role: 'system', content: 'a' }))] }),
    ],
    [
      'system messages that are cleared',
      (count) => ({
        messages: [
          ...times(count, () => ({ role: 'system', content: 'a', clear_at: 'next_user_message' })),
          user('x'),
        ],
      }),
    ],
    [
      'turns',
      (count) => ({
        messages: times(count, (at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content: 'a' })),
      }),
    ],
    [
      'tools',
      (count) => ({
        messages: [user('x')],
        tools: times(count, (at) => ({ name: `f${at}`, input_schema: {} })),
      }),
    ],
  ]
  for (const [shape, make] of shapes) {
    it(`takes proportional time: ${shape}`, () => {
      const [few, many] = [make(5_000), make(40_000)]
      cost(few)
      const fewMs = Math.min(cost(few), cost(few))
      assert.ok(cost(many) < 40 * fewMs + 200, `${fewMs} ms for 5,000`)
    })
  }
})

describe('endpointIds', () => {
  it("returns the endpoint's own IDs", () => {
    assert.deepEqual(endpointIds(['a', 'a--2', 'b--3', 'c']), ['a', 'a--2', 'b', 'c'])
    assert.deepEqual(endpointIds(['t', 't', 't']), ['t', 't--2', 't--3'])
    assert.deepEqual(endpointIds(['t--2', 't']), ['t', 't--2'])
  })

  it('reverts the IDs that an answer was given', () => {
    const ids = new CallIds(['call_0', 'call_1'], () => 'new')
    const given = ['call_0', 'call_2', 'call_1'].map((id) => ids.next(id))
    assert.equal(new Set([...given, 'call_0', 'call_1']).size, 5)
    assert.deepEqual(endpointIds(given), ['call_0', 'call_2', 'call_1'])
  })
})
