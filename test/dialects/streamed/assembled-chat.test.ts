import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerFormOf } from '../../../src/dialects/answers/form-finder.ts'
import { AssembledAnswer } from '../../../src/dialects/streamed/assembled-answer.ts'

const path = '/v1/chat/completions'

function assemble(stream: string, at = path) {
  const form = answerFormOf('POST', at)?.assembly ?? assert.fail('no assembly')
  let lacksUsage: boolean | undefined
  const answer = new AssembledAnswer(form, undefined, (lacks) => {
    lacksUsage = lacks
  })
  answer.push(Buffer.from(stream))
  const { body } = answer.end()
  const value = answer.failure === undefined ? (JSON.parse(body.toString()) as Answer) : undefined
  return { text: body.toString(), value, failure: answer.failure, lacksUsage }
}

interface Answer {
  readonly [key: string]: unknown
  readonly choices: readonly { readonly message: Record<string, unknown>; readonly [key: string]: unknown }[]
}

const events = (...values: (object | string)[]) =>
  values.map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`).join('')
const delta = (fields: object, beside: object = {}) => ({
  choices: [{ index: 0, delta: fields, finish_reason: null, ...beside }],
})
const stop = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
const call = (fields: object) => delta({ tool_calls: [fields] })

/** Deltas of a message, and the members that they make. */
const shapes: Readonly<Record<string, readonly [deltas: readonly object[], made: object]>> = {
  'no content': [[delta({ role: 'assistant', content: null })], { role: 'assistant', content: '' }],
  'no role': [[delta({ content: 'a' })], { role: 'assistant', content: 'a' }],
  'reasoning under any name': [
    [delta({ reasoning: 'a', thinking: 'c' }), delta({ reasoning: 'b' }), delta({ content: 'x' })],
    { reasoning: 'ab', thinking: 'c', content: 'x' },
  ],
  'a refusal': [[delta({ refusal: 'no' }), delta({ refusal: 't' })], { content: null, refusal: 'not' }],
  'unknown members': [
    [
      delta({ mood: 'good', notes: [1], depth: { a: 1 } }),
      delta({ mood: 'bad', notes: [2], depth: { b: 2 } }),
    ],
    { mood: 'bad', notes: [1, 2], depth: { a: 1, b: 2 } },
  ],
  'details with an index': [
    [
      delta({ reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'a' }] }),
      delta({ reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'b', signature: 's' }] }),
    ],
    { reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'ab', signature: 's' }] },
  ],
  'parts of Mistral': [
    [
      delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'a' }] }] }),
      delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'b' }] }] }),
      delta({ content: 'x' }),
      delta({ content: 'y' }),
    ],
    {
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'ab' }] },
        { type: 'text', text: 'xy' },
      ],
    },
  ],
  'the older form of a call': [
    [delta({ function_call: { name: 'f', arguments: '{' } }), delta({ function_call: { arguments: '}' } })],
    { content: null, function_call: { name: 'f', arguments: '{}' } },
  ],
  'calls without an index': [
    [
      call({ id: 'a', function: { name: 'f', arguments: '{"x":1}' } }),
      call({ id: 'b', function: { name: 'f', arguments: '{"x":2}' } }),
    ],
    {
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
        { id: 'b', type: 'function', function: { name: 'f', arguments: '{"x":2}' } },
      ],
    },
  ],
  'calls that all have index 0': [
    [
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x":1}' } }),
      call({ index: 0, id: 'b', function: { name: 'g', arguments: { y: 2 } } }),
    ],
    {
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
        { id: 'b', type: 'function', function: { name: 'g', arguments: '{"y":2}' } },
      ],
    },
  ],
  'a name in parts, a repeated name, and members of an engine': [
    [
      call({ index: 0, id: 'a', function: { name: 'get_' }, extra_content: { google: { sign: 's' } } }),
      call({ index: 0, id: 'a', function: { name: 'weather' } }),
      call({ index: 0, id: 'a', function: { name: 'get_weather', arguments: '{}' } }),
    ],
    {
      tool_calls: [
        {
          id: 'a',
          type: 'function',
          function: { name: 'get_weather', arguments: '{}' },
          extra_content: { google: { sign: 's' } },
        },
      ],
    },
  ],
  'a custom tool': [
    [
      call({ index: 0, id: 'a', type: 'custom', custom: { name: 'sh', input: 'l' } }),
      call({ index: 0, custom: { input: 's' } }),
    ],
    { tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'sh', input: 'ls' } }] },
  ],
}

describe('an assembled chat completion', () => {
  for (const [name, [deltas, made]] of Object.entries(shapes)) {
    it(`has the message of ${name}`, () => {
      const { value } = assemble(events(...deltas, stop))
      const message = value?.choices[0]?.message ?? assert.fail('no message')
      for (const [key, expected] of Object.entries(made)) assert.deepEqual(message[key], expected, key)
    })
  }

  it('has the members of its chunks, but for those that only streams have', () => {
    const head = { object: 'chat.completion.chunk', system_fingerprint: 'fp' }
    const { value, lacksUsage } = assemble(
      events(
        { ...head, id: '', created: 0, model: '', choices: [], prompt_filter_results: [{ index: 0 }] },
        { ...head, id: 'c', created: 7, model: 'm', ...delta({ content: 'a' }), obfuscation: 'x' },
        {
          ...head,
          id: 'd',
          created: 8,
          ...delta({}, { finish_reason: 'stop', stop_reason: 2, x: { y: 1 } }),
        },
        { ...head, choices: [], usage: { total_tokens: 1 }, timings: { n: 2 }, citations: ['a'] },
        { ...head, choices: [], usage: null, citations: ['a'] },
        '[DONE]',
      ),
    )
    assert.deepEqual(value, {
      id: 'c',
      object: 'chat.completion',
      created: 7,
      model: 'm',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'a' },
          logprobs: null,
          finish_reason: 'stop',
          stop_reason: 2,
          x: { y: 1 },
        },
      ],
      usage: { total_tokens: 1 },
      system_fingerprint: 'fp',
      prompt_filter_results: [{ index: 0 }],
      timings: { n: 2 },
      citations: ['a'],
    })
    assert.equal(lacksUsage, false)
  })

  it('has log probabilities of both kinds, and token IDs', () => {
    const chat = assemble(
      events(
        delta(
          { content: 'a' },
          { logprobs: { content: [{ token: 'a', logprob: -1 }], refusal: null }, token_ids: [1] },
        ),
        delta(
          { content: 'b' },
          { logprobs: { content: [{ token: 'b', logprob: -2 }], refusal: null }, token_ids: [2] },
        ),
        { choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }] },
      ),
    )
    assert.deepEqual(chat.value?.choices[0]?.logprobs, {
      content: [
        { token: 'a', logprob: -1 },
        { token: 'b', logprob: -2 },
      ],
      refusal: null,
    })
    assert.deepEqual(chat.value?.choices[0]?.token_ids, [1, 2])
    const logprobs = (token: string, at: number) => ({
      tokens: [token],
      token_logprobs: [-1 - at],
      top_logprobs: [{ [token]: -1 - at }],
      text_offset: [at],
    })
    const plain = assemble(
      events(
        { choices: [{ index: 0, text: 'a', logprobs: logprobs('a', 0) }] },
        { choices: [{ index: 0, text: 'b', logprobs: logprobs('b', 1), finish_reason: 'length' }] },
      ),
      '/v1/completions',
    )
    assert.deepEqual(plain.value?.choices[0], {
      index: 0,
      text: 'ab',
      logprobs: {
        tokens: ['a', 'b'],
        token_logprobs: [-1, -2],
        top_logprobs: [{ a: -1 }, { b: -2 }],
        text_offset: [0, 1],
      },
      finish_reason: 'length',
    })
  })

  it('keeps integers that a number cannot hold', () => {
    const { text } = assemble(
      'data: {"seed":12345678901234567890,"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n',
    )
    assert.match(text, /"seed":12345678901234567890/)
  })

  const failures: Readonly<Record<string, readonly [stream: string, reason: RegExp]>> = {
    'no choices': [events('[DONE]'), /ended before/],
    'no reason to end': [events(delta({ content: 'a' })), /ended before/],
    'a choice that does not end': [
      events(stop, { choices: [{ index: 1, delta: { content: 'a' } }] }),
      /ended before/,
    ],
    'a broken end': [events({ choices: [{ index: 0, delta: {}, finish_reason: 'abort' }] }), /broken off/],
    'an error event': [events(delta({ content: 'a' }), { error: { message: 'no', code: 503 } }), /error 503/],
    'a named error event': ['event: error\ndata: {"message":"no","code":400}\n\n', /error 400/],
    'what is not JSON': [events('{"choices":['), /not JSON/],
    'deep nesting': [`data: {"x":${'['.repeat(200_000)}${']'.repeat(200_000)}}\n\n`, /./],
  }
  for (const [name, [stream, reason]] of Object.entries(failures)) {
    it(`is none with ${name}`, () => {
      assert.match(assemble(stream).failure?.reason ?? '', reason)
    })
  }

  it('reports a failed response, which is the answer if no endpoint gives a better one', () => {
    const response = {
      object: 'response',
      id: 'r',
      status: 'failed',
      error: { code: 'server_error', message: 'no' },
    }
    const { failure } = assemble(events({ type: 'response.failed', response }), '/v1/responses')
    assert.equal(failure?.error?.message, 'no')
    assert.deepEqual(JSON.parse(failure?.whole ?? ''), response)
  })

  it('may set no prototype', () => {
    const { value } = assemble(
      'data: {"__proto__":{"x":1},"choices":[{"index":0,"__proto__":{"x":1},"delta":{"__proto__":{"x":1},"content":"a"},"finish_reason":"stop"}]}\n\n',
    )
    assert.equal(value?.choices[0]?.message.x, undefined)
    assert.equal(value?.x, undefined)
  })
})
