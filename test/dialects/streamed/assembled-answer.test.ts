import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Script } from '../../../simulator/script.ts'
import { answerFormOf } from '../../../src/dialects/answers/form-finder.ts'
import { AssembledAnswer } from '../../../src/dialects/streamed/assembled-answer.ts'
import { streamedBody } from '../../../src/dialects/streamed/streamed-body.ts'
import { withSimulator } from '../../support/simulator.ts'

function assemblyOf(path: string) {
  return answerFormOf('POST', path)?.assembly ?? assert.fail(`no assembly for ${path}`)
}

/** What becomes of a stream that arrives in these chunks: the answer, or the reason why there is none. */
function assemble(path: string, chunks: readonly (string | Buffer)[], model?: string): unknown {
  const answer = new AssembledAnswer(assemblyOf(path), model, () => {})
  for (const chunk of chunks) answer.push(Buffer.from(chunk))
  const { body } = answer.end()
  return answer.failure === undefined ? JSON.parse(body.toString()) : answer.failure.reason
}

const messages = [{ role: 'user', content: 'hi' }]
const calls: Script = {
  reasoning: 'first I think',
  text: 'then I look',
  toolCalls: [
    { id: 'call_a', name: 'look', arguments: '{"at":"the — sky","big":12345678901234567890}' },
    { id: 'call_b', name: 'wait', arguments: '{}' },
  ],
  interleaved: true,
  cachedTokens: 1,
}
const scripts: Readonly<Record<string, Script>> = {
  text: { text: 'one two — three\n\n"four"', cachedTokens: 2 },
  calls,
  'the limit': { text: 'one two', finish: 'length' },
  'a stop sequence': { text: 'one two', stopSequence: 'END' },
}

const operations: readonly (readonly [kind: 'vllm' | 'ollama', path: string, body: object])[] = [
  ['vllm', '/v1/chat/completions', { messages }],
  ['vllm', '/v1/chat/completions', { messages, n: 3, logprobs: true, top_logprobs: 2 }],
  ['vllm', '/v1/completions', { prompt: 'hi' }],
  ['vllm', '/v1/completions', { prompt: 'hi', n: 2, logprobs: 2 }],
  ['vllm', '/v1/responses', { input: 'hi' }],
  ['vllm', '/v1/messages', { messages, max_tokens: 50 }],
  ['ollama', '/api/chat', { messages, stream: false, logprobs: true }],
  ['ollama', '/api/generate', { prompt: 'hi', stream: false }],
]

/** Without what differs from one answer to the next. */
function stable(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value: unknown) =>
      /duration|created_at|^id$|_at$/.test(key) && value !== undefined ? 0 : value,
    ),
  )
}

describe('an assembled answer', () => {
  it('passes a whole answer that its endpoint labels a stream, with the name of the model', () => {
    const whole = (model: string) => ({ model, choices: [{ index: 0, message: { content: 'hi' } }] })
    const chunks = [JSON.stringify(whole('native')).slice(0, 20), JSON.stringify(whole('native')).slice(20)]
    assert.deepEqual(assemble('/v1/chat/completions', chunks, 'mine'), whole('mine'))
    const cut = assemble('/v1/chat/completions', chunks.slice(0, 1), 'mine')
    assert.equal(cut, 'something that is not JSON')
  })

  it('counts everything that a stream makes it keep', () => {
    const deltas: Readonly<Record<string, (number: number) => object>> = {
      names: (number) => ({ tool_calls: [{ id: `call_${number}`, function: { name: 'look' } }] }),
      'a long name': () => ({ tool_calls: [{ index: 0, function: { name: 'look' } }] }),
      members: (number) => ({ [`member_${number}`]: null }),
      'members of calls': (number) => ({ tool_calls: [{ index: 0, [`member_${number}`]: 1 }] }),
    }
    for (const [name, delta] of Object.entries(deltas)) {
      const answer = new AssembledAnswer(assemblyOf('/v1/chat/completions'), undefined, () => {})
      for (let number = 0; number < 1_000; number++) {
        const choices = [{ index: 0, delta: delta(number) }]
        answer.push(Buffer.from(`data: ${JSON.stringify({ choices })}\n\n`))
      }
      assert.ok(answer.heldBytes >= 4_000, `${name}: ${answer.heldBytes}`)
    }
  })

  for (const [kind, path, body] of operations) {
    for (const [name, script] of Object.entries(scripts)) {
      it(`equals the one without streaming: ${path} with ${name}, ${Object.keys(body).join(', ')}`, async (t) => {
        const simulator = await withSimulator(t, {
          kind,
          models: [{ name: 'm', capabilities: ['completion', 'tools', 'thinking'] }],
        })
        const whole = Buffer.from(JSON.stringify({ model: 'm', ...body }))
        const streamed = streamedBody(whole, assemblyOf(path)) ?? assert.fail('not streamed')
        const ask = async (sent: Buffer) => {
          simulator.control.script(script)
          const url = `${simulator.url}${path}`
          const headers = { 'content-type': 'application/json' }
          return (await fetch(url, { method: 'POST', headers, body: new Uint8Array(sent) })).text()
        }
        const expected: unknown = JSON.parse(await ask(whole))
        const stream = await ask(streamed)
        assert.deepEqual(stable(assemble(path, [stream])), stable(expected))
        const renamed = assemble(path, [stream], 'other') as { model: string }
        assert.equal(renamed.model, 'other')
      })
    }
  }
})

const events = (...values: (object | string)[]) =>
  values.map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`).join('')
const chunk = (choice: object, beside: object = {}) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: {}, finish_reason: null, ...choice }],
  ...beside,
})
const delta = (fields: object) => chunk({ delta: fields })
const stop = chunk({ finish_reason: 'stop' })

/** A stream of each dialect, and the message or content that it makes. */
const streams: readonly (readonly [path: string, stream: string])[] = [
  [
    '/v1/chat/completions',
    events(
      delta({ role: 'assistant', content: '' }),
      delta({ content: 'é — 💡' }),
      delta({
        tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '{"x"' } }],
      }),
      delta({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
      stop,
      chunk({}, { choices: [], usage: { total_tokens: 3 } }),
      '[DONE]',
    ),
  ],
  [
    '/v1/responses',
    'event: response.created\ndata: {"type":"response.created","response":{"id":"r","status":"in_progress"}}\n\n' +
      'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r","output":[{"t":"é"}]}}\n\n',
  ],
  [
    '/v1/messages',
    events(
      {
        type: 'message_start',
        message: { id: 'm', role: 'assistant', content: [], usage: { input_tokens: 2 } },
      },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 't', name: 'f', input: {} },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"x":"é' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '"}' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 5 } },
      { type: 'message_stop' },
    ),
  ],
  [
    '/api/chat',
    '{"model":"m","message":{"role":"assistant","content":"é"},"done":false}\n' +
      '{"model":"m","message":{"role":"assistant","content":" b"},"done":true,"eval_count":2}\n',
  ],
]

describe('a stream that is assembled', () => {
  for (const [path, stream] of streams) {
    const bytes = Buffer.from(stream)
    const whole = assemble(path, [bytes])

    it(`makes the same answer however it is split (${path})`, () => {
      assert.equal(typeof whole, 'object', JSON.stringify(whole))
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
          const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
          const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end))
          assert.deepEqual(assemble(path, chunks), whole)
        }),
        { numRuns: 100 },
      )
      assert.deepEqual(
        assemble(
          path,
          [...bytes].map((byte) => Buffer.from([byte])),
        ),
        whole,
      )
    })

    it(`makes the whole answer or none if it is cut (${path})`, () => {
      let complete = 0
      for (let end = 0; end < bytes.length; end++) {
        const made = assemble(path, [bytes.subarray(0, end)])
        if (typeof made === 'string') continue
        complete++
        // Only the usage and the end itself may be missing.
        const { choices, ...others } = made as { choices?: unknown }
        const { choices: expected, ...all } = whole as { choices?: unknown }
        assert.deepEqual(choices, expected, `cut at ${end}`)
        for (const [key, value] of Object.entries(others))
          assert.deepEqual(value, (all as Record<string, unknown>)[key], `${key}, cut at ${end}`)
      }
      assert.ok(complete < bytes.length / 2, 'most cuts leave no answer')
    })
  }

  it('makes the same text however its deltas are split', () => {
    const piece = fc.string({ unit: 'grapheme', maxLength: 20 })
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 10 }),
        fc.array(piece, { maxLength: 10 }),
        (texts, thoughts) => {
          const stream = events(
            ...thoughts.map((reasoning) => delta({ reasoning })),
            ...texts.map((content) => delta({ content })),
            stop,
          )
          const { choices } = assemble('/v1/chat/completions', [stream]) as {
            choices: { message: { content: string; reasoning?: string } }[]
          }
          assert.equal(choices[0]?.message.content, texts.join(''))
          assert.equal(choices[0]?.message.reasoning ?? '', thoughts.join(''))
        },
      ),
    )
  })

  it('takes linear time', () => {
    const count = 30_000
    const text = events(...Array.from({ length: count }, () => delta({ content: 'word ' })), stop)
    const { choices } = assemble('/v1/chat/completions', [text]) as {
      choices: { message: { content: string } }[]
    }
    assert.equal(choices[0]?.message.content.length, 5 * count)
  })
})

describe('a call in an assembled message', () => {
  const message = (stopReason: string) =>
    events(
      { type: 'message_start', message: { id: 'm', role: 'assistant', content: [], usage: {} } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'tool_use', id: 't', name: 'f', input: {} },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'input_json_delta', partial_json: '{"x"' } },
      { type: 'message_delta', delta: { stop_reason: stopReason }, usage: { output_tokens: 5 } },
      { type: 'message_stop' },
    )

  it('has an empty input if max_tokens cut it', () => {
    const { content, stop_reason } = assemble('/v1/messages', [message('max_tokens')]) as {
      content: unknown
      stop_reason: string
    }
    assert.deepEqual(content, [{ type: 'tool_use', id: 't', name: 'f', input: {} }])
    assert.equal(stop_reason, 'max_tokens')
  })

  it('makes the answer invalid if it is broken otherwise', () => {
    assert.match(String(assemble('/v1/messages', [message('tool_use')])), /not JSON/)
  })
})
