import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Expected } from '../../../src/dialects/hub/answer/answer-builder.ts'
import { OllamaChatReader } from '../../../src/dialects/ollama/chat/read-answer.ts'
import { OllamaGenerateReader } from '../../../src/dialects/ollama/generate/read-answer.ts'
import { cutBytes } from '../translate/messages-to-chat/support.ts'
import { neutralAnswer, type SinkCall } from './support.ts'

const head = { model: 'qwen3:8b', created_at: '2026-03-01T12:00:00.5Z' }
const end = {
  done: true,
  done_reason: 'stop',
  total_duration: 900,
  load_duration: 100,
  prompt_eval_count: 26,
  prompt_eval_duration: 300,
  eval_count: 9,
  eval_duration: 400,
}
const line = (message: object, more: object = {}) => ({
  ...head,
  message: { role: 'assistant', content: '', ...message },
  done: false,
  ...more,
})
const toNdjson = (lines: readonly object[], separator = '\n') =>
  Buffer.from(lines.map((each) => JSON.stringify(each) + separator).join(''))

const readChat = (chunks: readonly Buffer[], expected: Partial<Expected> = {}) =>
  neutralAnswer('ndjson', chunks, (builder) => new OllamaChatReader(builder), expected)
const chat = (...lines: object[]) => readChat([toNdjson(lines)])
const chatWhole = (answer: object) =>
  neutralAnswer('whole', [Buffer.from(JSON.stringify(answer))], (builder) => new OllamaChatReader(builder))
const generate = (...lines: object[]) =>
  neutralAnswer('ndjson', [toNdjson(lines)], (builder) => new OllamaGenerateReader(builder))

const usage = { promptTokens: 26, cachedTokens: 0, cacheWriteTokens: 0, completionTokens: 9 }
const timings = { loadNs: 100, promptNs: 300, generationNs: 400 }
const finish = (reason: string, more: object = {}) => [
  'finish',
  { reason, stopSequence: null, usage, timings, ...more },
]

const answer = [
  line({ thinking: 'h' }),
  line({ thinking: 'm' }),
  line({ content: 'Hé' }),
  line({ content: '🦙' }),
  line({ tool_calls: [{ function: { index: 0, name: 'f', arguments: { x: 1 } } }] }),
  line({
    tool_calls: [
      { id: 'call_own', function: { index: 1, name: 'g', arguments: {} } },
      { function: { index: 2, name: 'f', arguments: { x: 2 } } },
    ],
  }),
  line({}, end),
]
const read: readonly SinkCall[] = [
  ['start', 'asked'],
  ['thinking', 'hm'],
  ['text', 'Hé🦙'],
  ['open', 'new_1', 'f'],
  ['call', '{"x":1}'],
  ['open', 'call_own', 'g'],
  ['call', '{}'],
  ['open', 'new_2', 'f'],
  ['call', '{"x":2}'],
  ['finish', { reason: 'calls', stopSequence: null, usage, timings }],
]

describe('an answer of an endpoint’s /api/chat', () => {
  it('is read line by line', () => {
    assert.deepEqual(chat(...answer), read)
  })

  it('is the same for every cut in two, byte by byte, and with CRLF', () => {
    const bytes = toNdjson(answer)
    for (let at = 0; at <= bytes.length; at++) {
      assert.deepEqual(readChat([bytes.subarray(0, at), bytes.subarray(at)]), read, `cut at ${at}`)
    }
    assert.deepEqual(readChat([...bytes].map((byte) => Buffer.from([byte]))), read)
    assert.deepEqual(readChat([toNdjson(answer, '\r\n')]), read)
    assert.deepEqual(readChat([bytes.subarray(0, -1)]), read)
  })

  it('is the same for any chunk boundaries', () => {
    const bytes = toNdjson(answer)
    fc.assert(
      fc.property(fc.array(fc.nat(10_000), { maxLength: 40 }), (cuts) => {
        assert.deepEqual(readChat(cutBytes(bytes, cuts)), read)
      }),
    )
  })

  it('is read whole', () => {
    const message = {
      role: 'assistant',
      thinking: 'hm',
      content: 'Hé🦙',
      tool_calls: [
        { function: { name: 'f', arguments: { x: 1 } } },
        { id: 'call_own', function: { name: 'g', arguments: {} } },
        { function: { name: 'f', arguments: { x: 2 } } },
      ],
    }
    assert.deepEqual(chatWhole({ ...head, message, ...end }), read)
  })

  it('may be whole although the client streams, and a stream although it does not', () => {
    const one = [['start', 'asked'], ['text', 'x'], finish('end')]
    assert.deepEqual(chat(line({ content: 'x' }, end)), one)
    assert.deepEqual(chatWhole(line({ content: 'x' }, end)), one)
  })

  for (const [name, more, reason] of [
    ['stop', {}, 'end'],
    ['length', { done_reason: 'length' }, 'length'],
    ['none, as of old versions', { done_reason: undefined }, 'end'],
    ['load', { done_reason: 'load' }, 'end'],
  ] as const) {
    it(`with the done_reason ${name} ends as ${reason}`, () => {
      const calls = chat(line({ content: 'x' }), line({}, { ...end, ...more }))
      assert.deepEqual(calls.at(-1), finish(reason))
    })
  }

  it('may lack counts and durations', () => {
    const cached = chat(line({ content: 'x' }), line({}, { done: true, eval_count: 2 }))
    const none = { loadNs: undefined, promptNs: undefined, generationNs: undefined }
    const counted = { ...usage, promptTokens: 7, completionTokens: 2 }
    assert.deepEqual(cached.at(-1), finish('end', { usage: counted, timings: none }))
    const uncounted = chat(line({ content: 'four' }), line({}, { done: true }))
    const estimated = { ...usage, promptTokens: 7, completionTokens: 1 }
    assert.deepEqual(uncounted.at(-1), finish('end', { usage: estimated, timings: none }))
  })

  it('separates thinking between tags', () => {
    const calls = chat(line({ content: '<thi' }), line({ content: 'nk>hm</think>yes' }), line({}, end))
    assert.deepEqual(calls.slice(1, 3), [
      ['thinking', 'hm'],
      ['text', 'yes'],
    ])
  })

  it('has the log probabilities of its text, also those that arrive before it', () => {
    const token = (text: string) => ({ token: text, logprob: -1 })
    const calls = chat(
      line({ thinking: 'hm' }, { logprobs: [token('hm')] }),
      line({}, { logprobs: [token('a')] }),
      line({ content: 'ab' }, { logprobs: [{ ...token('b'), bytes: [98], top_logprobs: [token('c')] }] }),
      line({}, end),
    )
    assert.deepEqual(calls[2], [
      'text',
      'ab',
      [
        { token: 'a', logprob: -1, bytes: null, top_logprobs: [] },
        { token: 'b', logprob: -1, bytes: [98], top_logprobs: [{ token: 'c', logprob: -1, bytes: null }] },
      ],
    ])
  })

  for (const [name, lines, message] of [
    ['an error line', [line({ content: 'x' }), { error: 'unexpected EOF' }], /^unexpected EOF$/],
    ['an error at once', [{ error: 'no memory' }], /^no memory$/],
    ['an error object', [{ error: { message: 'no memory' } }], /^no memory$/],
    ['an end without done', [line({ content: 'x' })], /before it was complete/],
    ['nothing', [], /before it was complete/],
    ['another object', [{ status: 'success' }], /success/],
  ] as const) {
    it(`fails with ${name}`, () => {
      const last = chat(...lines).at(-1)
      assert.equal(last?.[0], 'fail')
      assert.match(String(last?.[1]), message)
    })
  }

  it('fails as the client’s mistake if the context is full', () => {
    const [failure] = chat({ error: 'prompt too long; exceeded max context length by 21 tokens' })
    assert.deepEqual(failure, ['fail', 'prompt too long; exceeded max context length by 21 tokens', 400])
  })

  it('survives fields of other types', () => {
    const odd = [
      line({ content: null, thinking: 7, tool_calls: [null, 'x', { function: null }] }),
      { ...head, message: null, done: false },
      line({ content: 'x', tool_calls: {} }, { logprobs: [1, { token: 1 }] }),
      line({}, { ...end, eval_count: '9', prompt_eval_count: null, done_reason: 7 }),
    ]
    const calls = chat(...odd)
    assert.deepEqual(calls[1], ['text', 'x'])
    assert.equal(calls.at(-1)?.[0], 'finish')
  })
})

describe('an answer of an endpoint’s /api/generate', () => {
  it('is read line by line', () => {
    const calls = generate(
      { ...head, response: '', thinking: 'hm', done: false },
      { ...head, response: 'He', done: false },
      { ...head, response: 'llo', done: false },
      { ...head, response: '', context: [1, 2], ...end },
    )
    assert.deepEqual(calls, [['start', 'asked'], ['thinking', 'hm'], ['text', 'Hello'], finish('end')])
  })

  it('is read whole', () => {
    const calls = neutralAnswer(
      'whole',
      [Buffer.from(JSON.stringify({ ...head, response: 'Hello', ...end }))],
      (builder) => new OllamaGenerateReader(builder),
    )
    assert.deepEqual(calls, [['start', 'asked'], ['text', 'Hello'], finish('end')])
  })
})
