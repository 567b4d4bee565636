import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { EndedAnswer } from '../../../../src/dialects/hub/format.ts'
import { passedAnswer } from '../../../../src/dialects/openai/responses/answer/passed-answer.ts'

const members = { conversation: { id: 'conv_1' }, model: 'mine' }
const response = { id: 'resp_1', status: 'completed', model: 'theirs', output: [{ id: 'msg_1' }, {}] }
const whole = JSON.stringify(response)
const stream = [
  ': comment\n\n',
  `event: response.created\ndata: ${JSON.stringify({ type: 'response.created', response: { id: 'resp_1' } })}\n\n`,
  'data: {"type":"response.output_text.delta","delta":"é \\"response\\""}\n\n',
  `event: response.completed\r\ndata: ${JSON.stringify({ type: 'response.completed', response })}\r\n\r\n`,
].join('')

/** What a client gets of an answer in chunks of this size, and what is stored. */
function pass(text: string, contentType: string, chunkBytes: number) {
  const stored: EndedAnswer[] = []
  const head = { statusCode: 200, headers: ['Content-Type', contentType] }
  const transform = passedAnswer(head, { members, store: (answer) => stored.push(answer) })?.transforms[0]
  assert.ok(transform)
  const bytes = Buffer.from(text)
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes)
    parts.push(transform.push(bytes.subarray(at, at + chunkBytes)))
  parts.push(transform.end())
  return { text: Buffer.concat(parts).toString(), stored }
}

const ended = { ...response, ...members }
const stored = [{ id: 'resp_1', text: JSON.stringify(ended), itemIds: ['msg_1'] }]

describe('the answer of an endpoint with the Responses API', () => {
  it('is stored, and names what it continues, in any chunks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: stream.length }), (chunkBytes) => {
        const answer = pass(whole, 'application/json', chunkBytes)
        assert.deepEqual([JSON.parse(answer.text), answer.stored], [ended, stored])
        const events = pass(stream, 'text/event-stream', chunkBytes)
        const created = { type: 'response.created', response: { id: 'resp_1', ...members } }
        assert.equal(
          events.text,
          [
            `event: response.created\ndata: ${JSON.stringify(created)}\n\n`,
            'data: {"type":"response.output_text.delta","delta":"é \\"response\\""}\n\n',
            `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response: ended })}\n\n`,
          ].join(''),
        )
        assert.deepEqual(events.stored, stored)
      }),
    )
  })

  it('passes unchanged if it is no response', () => {
    for (const text of ['{"detail":"x"}', 'no JSON', '[]', '']) {
      assert.deepEqual(pass(text, 'application/json', 3), { text, stored: [] })
    }
    const unreadable = ['Content-Encoding', 'gzip']
    for (const head of [
      { statusCode: 400, headers: [] },
      { statusCode: 200, headers: unreadable },
    ])
      assert.equal(passedAnswer(head, { members, store: () => assert.fail() }), undefined)
  })
})
