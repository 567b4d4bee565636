import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerFormNamed } from '../../../src/dialects/answers/form-finder.ts'
import { StreamWatch } from '../../../src/dialects/answers/stream-ending.ts'

/** How a stream ended; `hidden` if clients do not recognize its error. */
function ending(operation: string, text: string, chunkBytes: number): string {
  const { stream } = answerFormNamed(operation)
  assert.ok(stream !== undefined)
  const watch = new StreamWatch(stream)
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunkBytes) watch.push(bytes.subarray(at, at + chunkBytes))
  const { kind, isVisible } = watch.end()
  return isVisible === false ? `${kind}, hidden` : kind
}

const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`
const delta = data({
  choices: [{ delta: { content: 'say "finish_reason": "stop" and "type":"message_stop"' } }],
})
const finish = data({ choices: [{ delta: {}, finish_reason: 'stop' }] })
const done = 'data: [DONE]\n\n'
const event = (type: string, rest: object = {}) => `event: ${type}\n${data({ type, ...rest })}`
const text = event('response.output_text.delta', {
  delta: 'say "type":"response.completed"',
  sequence_number: 3,
})
const block = event('content_block_delta', { delta: { text: 'a' } })
const content = '{"message":{"content":"a"},"done":false}\n'
const large = 'x'.repeat(100_000)
const error = data({ error: { message: 'no', code: 500 } })

const cases: readonly [string, string, string, string][] = [
  ['the end', 'chat', delta + done, 'complete'],
  ['a reason', 'chat', delta + finish, 'complete'],
  ['a reason and the usage', 'chat', delta + finish + data({ choices: [], usage: {} }), 'complete'],
  ['neither', 'chat', delta, 'missing'],
  ['neither, of text', 'completions', data({ choices: [{ text: 'a', finish_reason: null }] }), 'missing'],
  ['the end, with CR', 'chat', (delta + done).replaceAll('\n', '\r'), 'complete'],
  ['the end, with CRLF', 'chat', (delta + done).replaceAll('\n', '\r\n'), 'complete'],
  [
    'a large delta and the end',
    'chat',
    data({ choices: [{ delta: { content: large } }] }) + done,
    'complete',
  ],
  [
    'the end after an aborted choice',
    'chat',
    data({ choices: [{ finish_reason: 'abort' }] }) + done,
    'failed',
  ],
  ['the end quoted', 'chat', data({ choices: [{ delta: { content: '\ndata: [DONE]' } }] }), 'missing'],
  [
    'message_stop quoted',
    'messages',
    event('content_block_delta', { text: '\nevent: message_stop\n' }),
    'missing',
  ],
  ['message_stop without its event', 'messages', block + data({ type: 'message_stop' }), 'complete'],
  ['message_stop with CR', 'messages', (block + event('message_stop')).replaceAll('\n', '\r'), 'complete'],
  [
    'a large event and message_stop',
    'messages',
    event('content_block_delta', { large }) + event('message_stop'),
    'complete',
  ],
  ['the end, not ended itself', 'chat', `${delta}data: [DONE]`, 'complete'],
  ['half an event', 'chat', `${delta}data: {"choi`, 'missing'],
  ['a broken reason', 'chat', delta + data({ choices: [{ delta: {}, finish_reason: 'abort' }] }), 'failed'],
  ['an error', 'chat', delta + error + done, 'failed'],
  ['an error field', 'chat', `${delta}error: {"code":500,"message":"no"}\n\n${done}`, 'failed, hidden'],
  ['a flat error', 'chat', delta + data({ object: 'error', message: 'no', code: 500 }), 'failed, hidden'],
  ['a named error', 'chat', `${delta}event: error\ndata: no\n\n`, 'failed, hidden'],
  [
    'a null error',
    'chat',
    data({ choices: [{ delta: {}, finish_reason: 'stop' }], error: null }),
    'complete',
  ],
  ['other events', 'chat', 'data: one\n\ndata: two\n\n', 'unknown'],
  ['a completed response', 'responses', text + event('response.completed', { response: {} }), 'complete'],
  ['an incomplete response', 'responses', text + event('response.incomplete'), 'complete'],
  ['a large response', 'responses', text + event('response.completed', { response: { large } }), 'complete'],
  [
    'a large response without names',
    'responses',
    text + data({ type: 'response.completed', large }),
    'complete',
  ],
  ['no completed response', 'responses', text, 'missing'],
  ['a large delta', 'responses', text + event('response.output_text.delta', { delta: large }), 'unknown'],
  [
    'a failed response',
    'responses',
    text +
      event('response.failed', {
        response: { status: 'failed', error: { code: 'server_error', message: 'x' } },
      }),
    'failed',
  ],
  [
    'a failed response without a status',
    'responses',
    text + event('response.failed', { response: { id: 'r', error: { message: 'x' } } }),
    'failed',
  ],
  ['a response that only says that it failed', 'responses', text + event('response.failed'), 'failed'],
  ['an error event', 'responses', text + event('error', { code: 'server_error', message: 'x' }), 'failed'],
  ['a message', 'messages', block + event('message_stop'), 'complete'],
  ['a message and [DONE]', 'messages', block + event('message_stop') + done, 'complete'],
  ['no message_stop', 'messages', block, 'missing'],
  [
    'its own error',
    'messages',
    block + event('error', { error: { type: 'api_error', message: 'x' } }),
    'failed',
  ],
  ['OpenAI’s error', 'messages', block + error + done, 'failed, hidden'],
  ['a line that is done', 'ollama', `${content}{"message":{"content":""},"done":true}\n`, 'complete'],
  ['a line that is done, not ended', 'ollama', `${content}{"response":"","done":true}`, 'complete'],
  [
    'a large last line',
    'ollama',
    `${content}{"response":"","done":true,"context":[${'1,'.repeat(50_000)}1]}\n`,
    'complete',
  ],
  ['no line that is done', 'ollama', content, 'missing'],
  [
    'arguments that are done',
    'ollama',
    '{"message":{"tool_calls":[{"function":{"arguments":{"done":true}}}]},"done":false}\n',
    'missing',
  ],
  ['part of a line', 'ollama', `${content}{"message":{"content":"b"},"do`, 'missing'],
  ['an error line', 'ollama', `${content}{"error":"no"}\n`, 'failed'],
  ['an error object', 'ollama', `${content}{"error":{"message":"no"}}\n`, 'failed, hidden'],
]

describe('StreamWatch', () => {
  for (const [name, operation, stream, expected] of cases) {
    it(`${operation}: reports ${name} as ${expected}, for any chunk boundaries`, () => {
      for (const chunkBytes of [1, 13, 1_000, 1e7])
        assert.equal(ending(operation, stream, chunkBytes), expected)
    })
  }
})
