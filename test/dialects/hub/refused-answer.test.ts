import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { refusedAnswer } from '../../../src/dialects/hub/refused-answer.ts'
import { chatWriter } from '../../../src/dialects/openai/chat/answer/write-answer.ts'
import { responsesWriter } from '../../../src/dialects/openai/responses/answer/write-answer.ts'
import { checkGrammar } from '../openai/responses/grammar.ts'
import { callOf, readEvents } from '../openai/responses/support.ts'

const responses = { writeAnswer: responsesWriter, streamType: 'text/event-stream' }
const chat = { writeAnswer: chatWriter, streamType: 'text/event-stream' }
const callFor = (stream: boolean) => callOf({ model: 'm', input: 'x', stream })
const full = JSON.stringify({
  error: {
    message: 'the request exceeds the available context size',
    type: 'exceed_context_size_error',
    n_ctx: 4096,
  },
})

function refusal(statusCode: number, body: string) {
  const answer = refusedAnswer(statusCode, responses, callFor(true))
  assert.ok(answer !== undefined)
  for (const byte of Buffer.from(body)) answer.push(Buffer.from([byte]))
  const { statusCode: status, headers, body: sent } = answer.end()
  return { status, type: headers[1], text: sent.toString() }
}

describe('an error status for a client of the Responses API that streams', () => {
  for (const status of [400, 413, 500]) {
    it(`is a failed response with status 200 if the context is full (${status})`, () => {
      const { status: sent, type, text } = refusal(status, full)
      assert.deepEqual([sent, type], [200, 'text/event-stream'])
      const { error } = checkGrammar(readEvents(text))
      assert.ok(typeof error === 'object' && error !== null && 'code' in error)
      assert.equal(error.code, 'context_length_exceeded')
    })
  }

  it('stays an error status otherwise', () => {
    const { status, type, text } = refusal(400, '{"error":{"message":"bad tool schema","code":"x"}}')
    assert.deepEqual([status, type], [400, 'application/json; charset=utf-8'])
    const { error } = JSON.parse(text)
    assert.deepEqual(
      [error.message, error.type, error.code],
      ['bad tool schema', 'invalid_request_error', 'x'],
    )
  })

  it('is left to the API for other statuses, other APIs and clients that do not stream', () => {
    for (const status of [401, 404, 429, 503]) {
      assert.equal(refusedAnswer(status, responses, callFor(true)), undefined)
    }
    assert.equal(refusedAnswer(400, responses, callFor(false)), undefined)
    assert.equal(refusedAnswer(400, chat, callFor(true)), undefined)
  })
})
