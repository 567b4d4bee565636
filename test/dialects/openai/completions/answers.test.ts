import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnswerBuilder } from '../../../../src/dialects/hub/answer/answer-builder.ts'
import { CompletionsReader } from '../../../../src/dialects/openai/completions/read-answer.ts'
import { chatWriterFor, chunk, completionsWriterFor, readStream, sdk, sse, translate } from '../support.ts'

const usage = { prompt_tokens: 9, completion_tokens: 4 }
const readCompletions = (builder: AnswerBuilder) => new CompletionsReader(builder)
const piece = (text: string, finishReason: string | null = null, logprobs: unknown = null): object => ({
  id: 'cmpl-e',
  object: 'text_completion',
  model: 'native',
  choices: [{ index: 0, text, logprobs, finish_reason: finishReason }],
})
const asked = { stream: true, stream_options: { include_usage: true } }

describe('a completion for a client', () => {
  it('is streamed to the letter', () => {
    const { text } = translate('sse', completionsWriterFor(asked), false, [
      sse([chunk({ content: ' upon' }), chunk({}, 'length'), { choices: [], usage }]),
    ])
    const before =
      'data: {"id":"cmpl-new1","object":"text_completion","created":1700000000,"model":"asked","choices":['
    assert.equal(
      text,
      [
        `${before}{"text":" upon","index":0,"logprobs":null,"finish_reason":null}],"usage":null}\n\n`,
        `${before}{"text":"","index":0,"logprobs":null,"finish_reason":"length"}],"usage":null}\n\n`,
        `${before}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":0}}}\n\n`,
        'data: [DONE]\n\n',
      ].join(''),
    )
  })

  it('is a whole body', () => {
    const bytes = sse([
      chunk({ reasoning: 'Hm' }),
      chunk({ content: ' upon' }),
      chunk({}, 'stop'),
      { choices: [], usage },
    ])
    const { text } = translate('sse', completionsWriterFor(), true, [bytes])
    assert.deepEqual(JSON.parse(text), {
      id: 'cmpl-new1',
      object: 'text_completion',
      created: 1_700_000_000,
      model: 'asked',
      choices: [{ text: ' upon', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 9,
        completion_tokens: 4,
        total_tokens: 13,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    })
  })

  it('ends with the endpoint’s error', () => {
    const { text } = translate('sse', completionsWriterFor(asked), false, [
      sse([chunk({ content: 'a' }), { error: { message: 'boom', code: 500 } }]),
    ])
    const { values, isDone } = readStream(text)
    assert.equal(isDone, false)
    assert.deepEqual(values.at(-1), {
      error: { message: 'boom', type: 'server_error', param: null, code: null, request_id: 'req-1' },
    })
  })

  it('is what the openai SDK reads', async () => {
    const chunks = [
      chunk({ content: 'a' }),
      chunk({ content: 'b' }),
      chunk({}, 'stop'),
      { choices: [], usage },
    ]
    const ask = { model: 'm', prompt: 'Once' }
    const whole = translate('sse', completionsWriterFor(), true, [sse(chunks)]).text
    const { choices, usage: total } = await sdk(whole).completions.create(ask)
    assert.equal(choices[0]?.text, 'ab')
    assert.equal(total?.total_tokens, 13)
    const streamed = translate('sse', completionsWriterFor(asked), false, [sse(chunks)]).text
    let text = ''
    for await (const each of await sdk(streamed).completions.create({ ...ask, stream: true })) {
      text += each.choices[0]?.text ?? ''
    }
    assert.equal(text, 'ab')
  })
})

describe('a completion of an endpoint', () => {
  it('is a chat completion for a client of chats', () => {
    const bytes = sse([piece(' upon'), piece(' a time', 'stop'), { choices: [], usage }])
    const { text } = translate('sse', chatWriterFor(), true, [bytes], readCompletions)
    const { choices, usage: total } = JSON.parse(text)
    assert.equal(choices[0].message.content, ' upon a time')
    assert.equal(choices[0].finish_reason, 'stop')
    assert.equal(total.total_tokens, 13)
  })

  it('is read whole', () => {
    const bytes = Buffer.from(JSON.stringify({ ...piece(' upon', 'length'), usage }))
    const { text } = translate('whole', completionsWriterFor(), true, [bytes], readCompletions)
    const { id, choices } = JSON.parse(text)
    assert.equal(id, 'cmpl-e')
    assert.deepEqual(choices, [{ text: ' upon', index: 0, logprobs: null, finish_reason: 'length' }])
  })

  it('is read the same wherever its bytes are cut', () => {
    const bytes = sse([piece('Ä'), piece('😀', 'stop'), { choices: [], usage }])
    const answer = (...chunks: Buffer[]) =>
      translate('sse', completionsWriterFor(asked), false, chunks, readCompletions).text
    const expected = answer(bytes)
    for (let at = 0; at <= bytes.length; at++) {
      assert.equal(answer(bytes.subarray(0, at), bytes.subarray(at)), expected)
    }
  })

  it('that breaks off has failed', () => {
    for (const values of [[piece('a')], [piece('a'), piece('', 'abort')], []]) {
      const { outcome } = translate(
        'sse',
        completionsWriterFor(asked),
        false,
        [sse(values, '')],
        readCompletions,
      )
      assert.equal(outcome, 'failed')
    }
  })

  const logprobs = {
    tokens: [' up', 'on'],
    token_logprobs: [-0.1, -0.2],
    top_logprobs: [{ ' up': -0.1, ' a': -1 }, {}],
    text_offset: [40, 43],
  }

  it('keeps log probabilities for a client of completions, with offsets in its own text', () => {
    const bytes = sse([
      piece(' upon', null, logprobs),
      piece(' a', 'stop', { tokens: [' a'], token_logprobs: [-0.3] }),
    ])
    const { text } = translate('sse', completionsWriterFor({ logprobs: 2 }), true, [bytes], readCompletions)
    assert.deepEqual(JSON.parse(text).choices[0].logprobs, {
      tokens: [' up', 'on', ' a'],
      token_logprobs: [-0.1, -0.2, -0.3],
      top_logprobs: [{ ' up': -0.1, ' a': -1 }, {}, {}],
      text_offset: [0, 3, 5],
    })
  })

  it('gives a client of chats log probabilities in the form of chats', () => {
    const bytes = sse([piece(' upon', 'stop', logprobs)])
    const { text } = translate('sse', chatWriterFor({ logprobs: true }), true, [bytes], readCompletions)
    assert.deepEqual(JSON.parse(text).choices[0].logprobs.content, [
      {
        token: ' up',
        logprob: -0.1,
        bytes: null,
        top_logprobs: [
          { token: ' up', logprob: -0.1, bytes: null },
          { token: ' a', logprob: -1, bytes: null },
        ],
      },
      { token: 'on', logprob: -0.2, bytes: null, top_logprobs: [] },
    ])
  })

  it('reads log probabilities in the form of chats, as llama.cpp sends them', () => {
    const content = [{ token: 'a', logprob: -0.5, bytes: [97], top_logprobs: [] }]
    const bytes = sse([piece('a', 'stop', { content })])
    const { text } = translate('sse', completionsWriterFor({ logprobs: 1 }), true, [bytes], readCompletions)
    assert.deepEqual(JSON.parse(text).choices[0].logprobs.tokens, ['a'])
  })
})
