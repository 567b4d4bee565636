import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnswerWriter } from '../../../../src/dialects/hub/contract/answer.ts'
import {
  answer,
  answerHead,
  call,
  chatWriterFor,
  readStream,
  streaming,
  text,
  withUsage,
} from '../support.ts'

describe('a streamed chat completion', () => {
  it('is written to the letter', () => {
    const before =
      'data: {"id":"chatcmpl-new1","object":"chat.completion.chunk","created":1700000000,"model":"asked","choices":['
    const open = `${before}{"index":0,"delta":`
    const after = ',"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
    assert.equal(
      answer(
        chatWriterFor(withUsage),
        (writer) => {
          text(0, 'Hi "you"')(writer)
          call(1, 'c1', 'f', '{"a":', '1}')(writer)
        },
        'calls',
      ),
      [
        `${open}{"role":"assistant","content":null,"refusal":null}${after}`,
        `${open}{"content":"Hi \\"you\\""}${after}`,
        `${open}{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}${after}`,
        `${open}{"tool_calls":[{"index":0,"function":{"arguments":"{\\"a\\":"}}]}${after}`,
        `${open}{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}${after}`,
        `${open}{},"logprobs":null,"finish_reason":"tool_calls"}],"usage":null}\n\n`,
        `${before}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0}}}\n\n`,
        'data: [DONE]\n\n',
      ].join(''),
    )
  })

  it('has the role at once, and each event with the endpoint’s', () => {
    const writer = chatWriterFor(streaming)
    writer.start(answerHead)
    assert.equal(readStream(writer.take()).values.length, 1)
    writer.open(0, { kind: 'text' })
    writer.append(0, 'text', 'a')
    assert.equal(readStream(writer.take()).values.length, 1)
    assert.equal(writer.take(), '')
  })

  it('has usage only if the client asks for it', () => {
    const { values } = readStream(answer(chatWriterFor(streaming), text(0, 'a')))
    assert.ok(values.every((value) => !('usage' in value)))
  })

  it('ends with an error in OpenAI’s form, and without [DONE], if the endpoint fails', () => {
    const writer = chatWriterFor(streaming)
    writer.start(answerHead)
    text(0, 'a')(writer)
    writer.fail({ statusCode: 500, message: 'boom', endpointType: 'api_error' })
    const { values, isDone } = readStream(writer.take())
    assert.equal(isDone, false)
    const error = { message: 'boom', type: 'server_error', param: null, code: null, request_id: 'req-1' }
    assert.deepEqual(values.at(-1), { error })
  })

  it('keeps the endpoint’s ID only if it is one of this API', () => {
    for (const [id, expected] of [
      ['chatcmpl-abc', 'chatcmpl-abc'],
      ['msg_abc', 'chatcmpl-new1'],
    ] as const) {
      const writer = chatWriterFor(streaming)
      writer.start({ ...answerHead, id })
      assert.equal(readStream(writer.take()).values[0]?.id, expected)
    }
  })
})

describe('the text of chunks', () => {
  const parts = (write: (writer: AnswerWriter) => void) =>
    readStream(answer(chatWriterFor(streaming), write)).values.flatMap(({ choices }) => {
      const [choice] = choices as { delta: { content?: string | null; tool_calls?: unknown } }[]
      return choice?.delta.content ?? []
    })

  it('never ends inside a character: Python and Rust cannot join the halves', () => {
    const halves = (...texts: string[]) =>
      parts((writer) => {
        writer.open(0, { kind: 'text' })
        for (const each of texts) writer.append(0, 'text', each)
        writer.close(0, 'text')
      })
    assert.deepEqual(halves('a\ud83d', '\ude00b'), ['a', '😀b'])
    assert.deepEqual(halves('\ud83d', '\ude00'), ['😀'])
    assert.deepEqual(halves('a\ud83d'), ['a', '\ufffd'])
  })

  it('holds back nothing of the input of a custom tool', () => {
    const writer = chatWriterFor({ ...streaming, tools: [{ type: 'custom', custom: { name: 'sh' } }] })
    writer.start(answerHead)
    writer.open(0, { kind: 'call', id: 'c', name: 'sh' })
    writer.take()
    writer.append(0, 'call', '{"input":"ls ')
    assert.match(writer.take(), /"custom":\{"input":"ls "\}/)
  })
})
