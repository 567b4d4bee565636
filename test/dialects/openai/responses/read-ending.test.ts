import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { record } from '../../hub/recording.ts'
import {
  callItem,
  completed,
  created,
  messageItem,
  messageOf,
  type ResponseEvent,
  read,
  readResponses,
  readWhole,
  reasoningItem,
  reasoningOf,
  response,
} from './endpoint-support.ts'

const output = [
  reasoningItem('rs_1', ['Let me see'], { encrypted_content: 'blob' }),
  messageItem('msg_1', 'It is'),
  callItem('fc_1', 'call_1', 'weather', '{"city":"Rome"}'),
  callItem('fc_2', 'call_2', 'now', ''),
]
const content = [
  ['thinking', 'Let me see'],
  ['text', 'It is'],
  ['weather', 'call_1', '{"city":"Rome"}'],
  ['now', 'call_2', '{}'],
]
const usage = {
  promptTokens: 100,
  cachedTokens: 80,
  cacheWriteTokens: 0,
  completionTokens: 30,
  reasoningTokens: 9,
}

describe('the end of a response', () => {
  const hi = messageOf(0, 'm', 'Hi')
  const incomplete = (reason: string, given: object = {}): ResponseEvent => ({
    type: 'response.incomplete',
    response: response({ status: 'incomplete', incomplete_details: { reason }, ...given }),
  })

  it('reports why it is incomplete', () => {
    const reasons = [
      ['max_output_tokens', 'length'],
      ['content_filter', 'filtered'],
      ['context_length_exceeded', 'context_full'],
      ['other', 'length'],
    ] as const
    for (const [sent, reason] of reasons)
      assert.equal(read([created(), ...hi, incomplete(sent)]).answer.ending?.reason, reason, sent)
  })

  it('is length for reasoning alone that was cut off (BerriAI/litellm#37710)', () => {
    const item = reasoningItem('rs', ['Hm'])
    const cut = incomplete('max_output_tokens', { output: [item] })
    for (const { answer } of [
      read([created(), ...reasoningOf(0, 'rs', {}, 'Hm'), cut]),
      readWhole(cut.response as object),
    ]) {
      assert.deepEqual(answer.content, [['thinking', 'Hm']])
      assert.equal(answer.ending?.reason, 'length')
    }
  })

  it('is length if the answer has all tokens that it may have, as llama.cpp reports it', () => {
    const events = [created(), ...hi, completed()]
    assert.equal(read(events, { maxTokens: 30 }).answer.ending?.reason, 'length')
    assert.equal(read(events, { maxTokens: 31 }).answer.ending?.reason, 'end')
    assert.equal(
      read([created(), ...hi, completed({ max_output_tokens: 30 })]).answer.ending?.reason,
      'length',
    )
  })

  it('is the response’s own status if the event has another name', () => {
    const event = { ...incomplete('max_output_tokens'), type: 'response.completed' }
    assert.equal(read([created(), ...hi, event]).answer.ending?.reason, 'length')
    assert.equal(
      read([created(), ...hi, { type: 'response.done', response: response() }]).answer.ending?.reason,
      'end',
    )
  })

  const failures: readonly (readonly [string, ResponseEvent, number, string])[] = [
    [
      'response.failed',
      {
        type: 'response.failed',
        response: response({ status: 'failed', error: { code: 'server_error', message: 'boom' } }),
      },
      500,
      'boom',
    ],
    [
      'response.failed for a rate limit',
      {
        type: 'response.failed',
        response: response({ status: 'failed', error: { code: 'rate_limit_exceeded', message: 'boom' } }),
      },
      429,
      'boom',
    ],
    [
      'response.failed without an error',
      { type: 'response.failed', response: response({ status: 'failed' }) },
      502,
      'The endpoint failed.',
    ],
    [
      'a completed response that failed',
      completed({ status: 'failed', error: { code: 'server_error', message: 'boom' } }),
      500,
      'boom',
    ],
    ['an error event', { type: 'error', code: 'server_error', message: 'boom', param: null }, 500, 'boom'],
    [
      'an error event with an object',
      { type: 'error', error: { type: 'server_error', message: 'boom' } },
      500,
      'boom',
    ],
    [
      'response.cancelled',
      { type: 'response.cancelled', response: response({ status: 'cancelled' }) },
      502,
      'The endpoint cancelled its answer.',
    ],
  ]
  for (const [name, event, statusCode, message] of failures) {
    it(`is a failure for ${name}`, () => {
      for (const before of [[], [created(), ...hi]]) {
        const { failure } = read([...before, event]).answer
        assert.equal(failure?.statusCode, statusCode)
        assert.equal(failure.message, message)
        assert.notEqual(failure.endpointType, 'error')
      }
    })
  }

  it('is a failure without a terminal event (openai/openai-agents-python#19)', () => {
    for (const events of [[], [created()], [created(), ...hi], [created(), ...hi.slice(0, 3)]])
      assert.match(read(events).answer.failure?.message ?? '', /before it was complete/)
  })

  it('recognizes a full context', () => {
    const error = { code: 'context_length_exceeded', message: 'Your input exceeds the context window.' }
    const event = { type: 'response.failed', response: response({ status: 'failed', error }) }
    const { failure } = read([created(), event]).answer
    assert.equal(failure?.statusCode, 400)
    assert.equal(failure?.code, 'context_length_exceeded')
    assert.notEqual(failure?.contextLimit, undefined)
  })
})

describe('a whole response', () => {
  it('is read like its stream', () => {
    const { answer } = readWhole(response({ output }), { endpointMark: 'mark' })
    assert.deepEqual(answer.content, content)
    assert.deepEqual(answer.ending?.usage, usage)
    assert.equal(answer.blocks[0]?.signature, 'responses.mark:blob')
  })

  it('is read in place of a stream', () => {
    const body = Buffer.from(`data: ${JSON.stringify(response({ output }))}\n\n`)
    assert.deepEqual(record(readResponses, [body]).answer.content, content)
  })

  it('keeps two calls of the same ID', () => {
    const calls = [callItem('a', 'c', 'f', '{"x":1}'), callItem('a', 'c', 'f', '{"x":2}')]
    assert.deepEqual(readWhole(response({ output: calls })).answer.content, [
      ['f', 'c', '{"x":1}'],
      ['f', 'c--2', '{"x":2}'],
    ])
  })

  it('fails if it has not ended', () => {
    for (const status of ['in_progress', 'queued', 'cancelled', 'failed'])
      assert.notEqual(readWhole(response({ status, output })).answer.failure, undefined, status)
  })

  it('reports the errors of any server', () => {
    for (const body of [
      { error: { message: 'no model x', type: 'invalid_request_error' } },
      { error: 'no model x' },
      { detail: 'no model x' },
      { object: 'error', message: 'no model x', code: 404 },
    ])
      assert.equal(readWhole(body).answer.failure?.message, 'no model x')
  })

  it('splits thoughts whose opening tag was in the prompt', () => {
    const { answer } = readWhole(response({ output: [messageItem('m', 'Hm</think>Hi')] }))
    assert.deepEqual(answer.content, [
      ['thinking', 'Hm'],
      ['text', 'Hi'],
    ])
  })
})
