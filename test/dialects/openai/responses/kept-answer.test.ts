import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { EndedAnswer } from '../../../../src/dialects/hub/format.ts'
import { keptAnswer } from '../../../../src/dialects/openai/responses/answer/kept-answer.ts'
import {
  continuedResponse,
  isKept,
} from '../../../../src/dialects/openai/responses/store/passed-responses.ts'

const response = { id: 'resp_1', status: 'completed', output: [{ id: 'msg_1', text: 'é' }, {}] }
const whole = JSON.stringify(response, undefined, 1)
const event = (type: string, members: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`
const stream = [
  event('response.created', { response: { ...response, status: 'in_progress', output: [] } }),
  event('response.output_text.delta', { delta: '"response"' }),
  event('response.completed', { response }),
].join('')

/** What a client gets of an answer in chunks of this size, and what is kept. */
function pass(text: string, headers: readonly string[], chunkBytes: number) {
  const kept: EndedAnswer[] = []
  const transform = keptAnswer({ statusCode: 200, headers }, (answer) => kept.push(answer))
  assert.ok(transform)
  const bytes = Buffer.from(text)
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes)
    parts.push(transform.push(bytes.subarray(at, at + chunkBytes)))
  const keptBefore = kept.length
  parts.push(transform.end())
  return { text: Buffer.concat(parts).toString(), kept, keptBefore }
}

const json = ['Content-Type', 'application/json']

describe('the response of an endpoint that keeps none', () => {
  it('is kept while its bytes pass unchanged, in any chunks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: stream.length }), (chunkBytes) => {
        const answer = pass(whole, json, chunkBytes)
        assert.deepEqual(answer.kept, [{ id: 'resp_1', text: whole, itemIds: ['msg_1'] }])
        assert.equal(answer.text, whole)
        const events = pass(stream, ['Content-Type', 'text/event-stream'], chunkBytes)
        assert.deepEqual(events.kept, [{ id: 'resp_1', text: JSON.stringify(response), itemIds: ['msg_1'] }])
        assert.equal(events.text, stream)
      }),
    )
  })

  it('is kept before the client can ask again, if its length is known', () => {
    const length = ['Content-Length', String(Buffer.byteLength(whole))]
    assert.equal(pass(whole, [...json, ...length], 7).keptBefore, 1)
  })

  it('is not kept if it is unreadable, unfinished, too large or no response', () => {
    for (const status of ['queued', 'in_progress'])
      assert.deepEqual(pass(JSON.stringify({ ...response, status }), json, 9).kept, [])
    const large = JSON.stringify({ ...response, text: 'x'.repeat(9_000_000) })
    for (const text of ['', '[]', '{"error":{}}', large])
      assert.deepEqual(pass(text, json, 1_000_000), { text, kept: [], keptBefore: 0 })
    for (const head of [
      { statusCode: 400, headers: json },
      { statusCode: 200, headers: [...json, 'Content-Encoding', 'gzip'] },
      { statusCode: 200, headers: ['Content-Type', 'text/plain'] },
    ])
      assert.equal(
        keptAnswer(head, () => assert.fail()),
        undefined,
      )
  })
})

describe('a request that passes through', () => {
  const of = (request: object) => Buffer.from(JSON.stringify(request))

  it('has its response kept unless the client forbids it or it continues an unknown one', () => {
    const cases: readonly (readonly [object, boolean])[] = [
      [{}, true],
      [{ store: true }, true],
      [{ store: null, previous_response_id: null }, true],
      [{ input: 'a "store": false' }, true],
      [{ metadata: { store: false } }, true],
      [{ store: false }, false],
      [{ previous_response_id: 'resp_1' }, false],
    ]
    for (const [request, isOne] of cases) assert.equal(isKept(of(request)), isOne, JSON.stringify(request))
  })

  it('names the response that it continues', () => {
    assert.equal(continuedResponse(of({ previous_response_id: 'resp_1' })), 'resp_1')
    for (const request of [{}, { previous_response_id: null }, { input: { previous_response_id: 'x' } }])
      assert.equal(continuedResponse(of(request)), undefined)
  })
})
