import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnswerWriter, StopReason, TokenLogprob } from '../../../../src/dialects/hub/contract/answer.ts'
import {
  answer,
  call,
  chatWriterFor,
  chunk,
  readStream,
  sse,
  streaming,
  text,
  translate,
  withUsage,
} from '../support.ts'
import { accumulate } from './chunk-grammar.ts'

describe('a whole chat completion', () => {
  const body = (fields: object, write: (writer: AnswerWriter) => void, reason?: StopReason) =>
    JSON.parse(answer(chatWriterFor(fields), write, reason))

  it('has every field of the schema', () => {
    assert.deepEqual(body({}, text(0, 'Hi')), {
      id: 'chatcmpl-new1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'asked',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hi', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 3,
        completion_tokens: 2,
        total_tokens: 5,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    })
  })

  it('has null content beside calls, and text if there is some (open-webui/open-webui#30085)', () => {
    const calls = (writer: AnswerWriter) => {
      call(0, 'c1', 'f', '{}')(writer)
      call(1, 'c2', 'g', '{"a"', ':1}')(writer)
    }
    const { message, finish_reason: reason } = body({}, calls, 'calls').choices[0]
    assert.equal(reason, 'tool_calls')
    assert.deepEqual(message, {
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [
        { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } },
        { id: 'c2', type: 'function', function: { name: 'g', arguments: '{"a":1}' } },
      ],
    })
  })

  it('is the error alone if the endpoint fails', () => {
    const writer = chatWriterFor()
    writer.fail({ statusCode: 404, message: 'no such model', code: 'model_not_found', param: 'model' })
    assert.deepEqual(JSON.parse(writer.take()), {
      error: {
        message: 'no such model',
        type: 'not_found_error',
        param: 'model',
        code: 'model_not_found',
        request_id: 'req-1',
      },
    })
  })
})

describe('a chat completion, streamed and whole', () => {
  /** The message of an answer in both forms, which must be the same. */
  function message(write: (writer: AnswerWriter) => void, reason: StopReason = 'end') {
    const sum = accumulate(answer(chatWriterFor(streaming), write, reason), false)
    const [choice] = JSON.parse(answer(chatWriterFor(), write, reason)).choices
    assert.equal(choice.message.content, sum.content)
    assert.equal(choice.message.refusal, sum.refusal)
    assert.equal(choice.message.reasoning_content ?? '', sum.reasoning)
    assert.equal(choice.finish_reason, sum.finishReason)
    return sum
  }

  const reasons: readonly (readonly [StopReason, string])[] = [
    ['end', 'stop'],
    ['stop_sequence', 'stop'],
    ['length', 'length'],
    ['context_full', 'length'],
    ['calls', 'tool_calls'],
    ['filtered', 'content_filter'],
  ]
  for (const [reason, expected] of reasons) {
    it(`ends with ${expected} for ${reason}`, () => {
      assert.equal(message(text(0, 'a'), reason).finishReason, expected)
    })
  }

  it('has thinking in reasoning_content', () => {
    const thinks = (writer: AnswerWriter) => {
      writer.open(0, { kind: 'thinking' })
      writer.append(0, 'thinking', 'Hm')
      writer.close(0, 'thinking')
      text(1, 'Yes')(writer)
    }
    const { reasoning, content } = message(thinks)
    assert.deepEqual([reasoning, content], ['Hm', 'Yes'])
  })

  it('hides thinking from a client that does not want to see it', () => {
    const thinks = (writer: AnswerWriter) => {
      writer.open(0, { kind: 'thinking' })
      writer.append(0, 'thinking', 'Hm')
      writer.sign('sig')
      writer.close(0, 'thinking')
      text(1, 'Yes')(writer)
    }
    for (const fields of [{ include_reasoning: false }, { reasoning: { exclude: true } }]) {
      const sum = accumulate(answer(chatWriterFor({ ...streaming, ...fields }), thinks), false)
      assert.deepEqual([sum.content, sum.reasoning], ['Yes', ''])
      const [{ message }] = JSON.parse(answer(chatWriterFor(fields), thinks)).choices
      assert.deepEqual(message, { role: 'assistant', content: 'Yes', refusal: null })
    }
  })

  it('with thinking only, cut by its limit, is an answer (BerriAI/litellm#37710)', () => {
    const thinks = (writer: AnswerWriter) => {
      writer.open(0, { kind: 'thinking' })
      writer.append(0, 'thinking', 'Hm')
      writer.close(0, 'thinking')
    }
    const { reasoning, content, finishReason } = message(thinks, 'length')
    assert.deepEqual([reasoning, content, finishReason], ['Hm', '', 'length'])
  })

  it('has a refusal in its own field', () => {
    const refuses = (writer: AnswerWriter) => {
      writer.open(0, { kind: 'refusal' })
      writer.append(0, 'refusal', 'No.')
      writer.close(0, 'refusal')
    }
    const { refusal, content } = message(refuses)
    assert.deepEqual([refusal, content], ['No.', null])
  })

  it('counts cached tokens once, inside the prompt (tombii/better-ccflare#324)', () => {
    const usage = {
      promptTokens: 100,
      cachedTokens: 80,
      cacheWriteTokens: 5,
      completionTokens: 7,
      reasoningTokens: 4,
    }
    const expected = {
      prompt_tokens: 100,
      completion_tokens: 7,
      total_tokens: 107,
      prompt_tokens_details: { cached_tokens: 80, cache_write_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 4 },
    }
    assert.deepEqual(
      accumulate(answer(chatWriterFor(withUsage), text(0, 'a'), 'end', usage), true).usage,
      expected,
    )
    assert.deepEqual(JSON.parse(answer(chatWriterFor(), text(0, 'a'), 'end', usage)).usage, expected)
  })

  it('returns signed thinking in a form that the next request can hand back', () => {
    const thinks = (writer: AnswerWriter) => {
      writer.open(0, { kind: 'thinking' })
      writer.append(0, 'thinking', 'H')
      writer.append(0, 'thinking', 'm')
      writer.sign('sig')
      writer.close(0, 'thinking')
      call(1, 'c', 'f', '{}')(writer)
    }
    const details = [{ type: 'reasoning.text', text: 'Hm', signature: 'sig', index: 0 }]
    const { values } = readStream(answer(chatWriterFor(streaming), thinks, 'calls'))
    const returned = values.flatMap(({ choices }) => {
      const [choice] = choices as { delta: { reasoning_details?: object[] } }[]
      return choice?.delta.reasoning_details ?? []
    })
    assert.deepEqual(returned, details)
    const whole = JSON.parse(answer(chatWriterFor(), thinks, 'calls')).choices[0].message
    assert.deepEqual(whole.reasoning_details, details)
    assert.equal(whole.reasoning_content, 'Hm')
  })

  it('has log probabilities only if the client asks for them', () => {
    const logprobs: TokenLogprob[] = [{ token: 'a', logprob: -0.1, bytes: [97], top_logprobs: [] }]
    const write = (writer: AnswerWriter) => {
      writer.open(0, { kind: 'text' })
      writer.append(0, 'text', 'a', logprobs)
      writer.close(0, 'text')
    }
    const expected = { content: logprobs, refusal: null }
    const streamed = (fields: object) =>
      readStream(answer(chatWriterFor({ ...streaming, ...fields }), write)).values.map(
        ({ choices }) => (choices as { logprobs: unknown }[])[0]?.logprobs,
      )
    const whole = (fields: object) => JSON.parse(answer(chatWriterFor(fields), write)).choices[0].logprobs
    assert.deepEqual(streamed({ logprobs: true }), [null, expected, null])
    assert.deepEqual(whole({ logprobs: true }), expected)
    assert.deepEqual(streamed({}), [null, null, null])
    assert.equal(whole({}), null)
  })

  it('gives clients of functions one function_call', () => {
    const functions = [{ name: 'f' }, { name: 'g' }]
    const calls = (writer: AnswerWriter) => {
      call(0, 'c1', 'f', '{"a"', ':1}')(writer)
      call(1, 'c2', 'g', '{}')(writer)
    }
    const [choice] = JSON.parse(answer(chatWriterFor({ functions }), calls, 'calls')).choices
    assert.equal(choice.finish_reason, 'function_call')
    assert.deepEqual(choice.message.function_call, { name: 'f', arguments: '{"a":1}' })
    assert.equal(choice.message.tool_calls, undefined)
    const { values } = readStream(answer(chatWriterFor({ ...streaming, functions }), calls, 'calls'))
    const choices = values.flatMap(
      (value) => value.choices as { delta: object; finish_reason: string | null }[],
    )
    assert.deepEqual(
      choices.slice(1).map(({ delta }) => delta),
      [
        { function_call: { name: 'f', arguments: '' } },
        { function_call: { arguments: '{"a"' } },
        { function_call: { arguments: ':1}' } },
        {},
      ],
    )
    assert.equal(choices.at(-1)?.finish_reason, 'function_call')
  })

  it('gives the input of a custom tool as text', () => {
    const tools = [{ type: 'custom', custom: { name: 'sh' } }]
    const inputs: readonly (readonly [args: string, input: string])[] = [
      ['{"input":"ls \\"a\\""}', 'ls "a"'],
      ['{"cmd":"ls"}', 'ls'],
      ['{"INVALID_JSON":"ls -l"}', 'ls -l'],
      ['{"input":"\\ud83d\\ude00"}', '😀'],
      ['{}', ''],
      ['{"a":1}', '{"a":1}'],
    ]
    for (const [args, input] of inputs) {
      const [choice] = JSON.parse(answer(chatWriterFor({ tools }), call(0, 'c', 'sh', args), 'calls')).choices
      assert.deepEqual(choice.message.tool_calls, [
        { id: 'c', type: 'custom', custom: { name: 'sh', input } },
      ])
      const { values } = readStream(
        answer(chatWriterFor({ ...streaming, tools }), call(0, 'c', 'sh', args), 'calls'),
      )
      const deltas = values.flatMap(({ choices }) => {
        const [first] = choices as { delta: { tool_calls?: { custom: { input: string } }[] } }[]
        return first?.delta.tool_calls ?? []
      })
      assert.equal(deltas.map(({ custom }) => custom.input).join(''), input)
    }
  })
})

describe('a chat completion of an endpoint', () => {
  it('that a server answers whole to a client that streams is the same', () => {
    const message = {
      role: 'assistant',
      content: 'Hi',
      tool_calls: [{ id: 'c', function: { name: 'f', arguments: {} } }],
    }
    const value = {
      id: 'chatcmpl-e',
      model: 'native',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
    }
    const { text: streamed } = translate('whole', chatWriterFor(streaming), false, [
      Buffer.from(JSON.stringify(value)),
    ])
    const sum = accumulate(streamed, false)
    assert.deepEqual(
      [sum.content, sum.calls, sum.finishReason],
      ['Hi', [{ id: 'c', name: 'f', args: '{}' }], 'tool_calls'],
    )
  })

  it('reports an error inside a 200 answer, also before the first content', () => {
    const error = { error: { message: 'EngineDeadError', type: 'InternalServerError', code: 500 } }
    for (const before of [[], [chunk({ content: 'a' })]]) {
      const { text: streamed, outcome } = translate('sse', chatWriterFor(streaming), false, [
        sse([...before, error]),
      ])
      assert.equal(outcome, 'failed')
      assert.equal((accumulate(streamed, false).error as { message: string }).message, 'EngineDeadError')
    }
  })

  it('reports a full context with the code on which clients shorten their conversation', () => {
    const error = { error: { message: "This model's maximum context length is 4096 tokens.", code: 400 } }
    const { text: streamed } = translate('sse', chatWriterFor(streaming), false, [sse([error])])
    const { code, type } = accumulate(streamed, false).error as Record<string, unknown>
    assert.deepEqual([code, type], ['context_length_exceeded', 'invalid_request_error'])
  })
})
