import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Turn } from '../../../src/dialects/hub/contract/conversation.ts'
import { orderTurns } from '../../../src/dialects/hub/parts/ordered-turns.ts'

const text = (content: string) => ({ kind: 'text', text: content }) as const
const user = (content: string): Turn => ({ role: 'user', parts: [text(content)] })
const call = (id: string, name = 'f') => ({ kind: 'call', id, name, args: '{}' }) as const
const assistant = (...parts: Extract<Turn, { role: 'assistant' }>['parts'][number][]): Turn => ({
  role: 'assistant',
  parts,
})
const result = (callId: string, content: string, name?: string) =>
  ({ callId, name, parts: [text(content)], isError: false }) as const
const results = (...list: ReturnType<typeof result>[]): Turn => ({ role: 'results', results: list })

/** Turns in short: `u:text`, `a:text+call`, `r:id=text`. */
function short(turns: readonly Turn[]): string[] {
  const content = (parts: readonly { kind: string; text?: string; id?: string }[]) =>
    parts.map((part) => (part.kind === 'call' ? `#${part.id}` : part.text)).join('+')
  return turns.map((turn) => {
    if (turn.role === 'system') return `s:${turn.text}`
    if (turn.role === 'results')
      return `r:${turn.results.map((each) => `${each.callId}=${content(each.parts)}`).join(',')}`
    return `${turn.role[0]}:${content(turn.parts)}`
  })
}

describe('orderTurns', () => {
  const rows: [name: string, turns: Turn[], expected: string[]][] = [
    [
      'keeps what is in order',
      [user('a'), assistant(call('1')), results(result('1', 'x')), user('b')],
      ['u:a', 'a:#1', 'r:1=x', 'u:b'],
    ],
    [
      'joins one turn per call (openai/codex#8556)',
      [assistant(call('1')), assistant(call('2')), results(result('1', 'x')), results(result('2', 'y'))],
      ['a:#1+#2', 'r:1=x,2=y'],
    ],
    [
      'moves a message between a call and its result behind it (farion1231/cc-switch#3047)',
      [assistant(call('1')), user('wait'), results(result('1', 'x'))],
      ['a:#1', 'r:1=x', 'u:wait'],
    ],
    [
      'puts results in the order of the calls',
      [assistant(call('1'), call('2')), results(result('2', 'y'), result('1', 'x'))],
      ['a:#1+#2', 'r:1=x,2=y'],
    ],
    [
      'puts thinking first and calls last',
      [assistant(call('1'), text('t'), { kind: 'thinking', text: 'h' }), results(result('1', 'x'))],
      ['a:h+t+#1', 'r:1=x'],
    ],
    [
      'finds calls without IDs by name, else by order (Home Assistant)',
      [assistant(call('', 'f'), call('', 'g')), results(result('', 'y', 'g')), results(result('', 'x'))],
      ['a:#+#', 'r:=x,=y'],
    ],
    [
      'gives the results of repeated IDs to the calls in order',
      [assistant(call('1'), call('1')), results(result('1', 'x'), result('1', 'y'))],
      ['a:#1+#1', 'r:1=x,1=y'],
    ],
    [
      'turns a result without a call into text',
      [user('a'), results(result('9', 'x'))],
      ['u:a', 'u:[Result of tool call 9]\nx'],
    ],
    [
      'does not join answers between which the user spoke',
      [assistant(text('a')), user('b'), assistant(text('c'))],
      ['a:a', 'u:b', 'a:c'],
    ],
    [
      'does not join answers between which results stand',
      [assistant(call('1')), results(result('1', 'x')), assistant(text('c'))],
      ['a:#1', 'r:1=x', 'a:c'],
    ],
    [
      'drops empty turns before it joins answers, which may be empty',
      [
        assistant(text('a')),
        { role: 'system', text: '', isDeveloper: false },
        { role: 'user', parts: [] },
        results(),
        assistant(),
        user('b'),
      ],
      ['a:a', 'u:b'],
    ],
    ['keeps a call without a result', [assistant(call('1')), user('b')], ['a:#1', 'u:b']],
  ]
  for (const [name, turns, expected] of rows) {
    it(name, () => assert.deepEqual(short(orderTurns(turns)), expected))
  }

  const turn = fc.oneof(
    fc.string().map(user),
    fc
      .array(fc.constantFrom('1', '2', '3', ''), { maxLength: 3 })
      .map((ids) => assistant(...ids.map((id) => call(id)))),
    fc
      .array(fc.constantFrom('1', '2', '3', ''), { maxLength: 3 })
      .map((ids) => results(...ids.map((id) => result(id, 'x')))),
  )

  it('leaves results only behind their calls, loses none, and changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.array(turn), (turns) => {
        const ordered = orderTurns(turns)
        ordered.forEach((each, index) => {
          if (each.role !== 'results') return
          const before = ordered[index - 1]
          assert.ok(before?.role === 'assistant')
          const ids = before.parts.flatMap((part) => (part.kind === 'call' ? part.id : []))
          for (const { callId } of each.results) assert.ok(ids.includes(callId))
        })
        const count = (all: readonly Turn[]) => short(all).join().split('x').length
        if (turns.every((each) => each.role !== 'user')) assert.equal(count(ordered), count(turns))
        assert.deepEqual(short(orderTurns(ordered)), short(ordered))
      }),
    )
  })
})
