import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import OpenAI from 'openai'
import { chatWriterFor, chunk, hello, sdk, sse, translate } from '../support.ts'

const usage = { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 5 } }
const tools: OpenAI.ChatCompletionTool[] = [
  { type: 'function', function: { name: 'weather', parameters: {} } },
]
const answer = [
  chunk({ role: 'assistant', content: '' }),
  chunk({ reasoning_content: 'Two cities.' }),
  chunk({ content: 'I ' }),
  chunk({ content: 'look.' }),
  chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'weather', arguments: '{"city":' } }] }),
  chunk({ tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] }),
  chunk({ tool_calls: [{ index: 1, id: 'b', function: { name: 'weather', arguments: '{"city":"Rome"}' } }] }),
  chunk({}, 'tool_calls'),
  { choices: [], usage },
]
const expectedCalls = [
  { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
  { id: 'b', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
]
const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }] }

/** What a client gets for the answer of a chat endpoint that streams. */
const given = (fields: object, chunks: readonly object[], end?: string) =>
  translate('sse', chatWriterFor({ messages: hello, ...fields }), !('stream' in fields), [sse(chunks, end)])
    .text

describe('the openai SDK', () => {
  it('accumulates a stream with its typed helper', async () => {
    const text = given({ stream: true, stream_options: { include_usage: true } }, answer)
    const stream = sdk(text).chat.completions.stream({
      ...ask,
      tools,
      stream_options: { include_usage: true },
    })
    const seen: string[] = []
    stream.on('content', (delta) => seen.push(delta))
    stream.on('tool_calls.function.arguments.done', ({ name, arguments: args }) =>
      seen.push(`${name} ${args}`),
    )
    const { choices, usage: total, model, object } = await stream.finalChatCompletion()
    const [choice] = choices
    assert.deepEqual(seen, ['I ', 'look.', 'weather {"city":"Paris"}', 'weather {"city":"Rome"}'])
    assert.equal(choice?.message.content, 'I look.')
    assert.equal(choice?.finish_reason, 'tool_calls')
    assert.deepEqual(JSON.parse(JSON.stringify(choice?.message.tool_calls)), expectedCalls)
    assert.equal(total?.prompt_tokens_details?.cached_tokens, 5)
    assert.deepEqual([model, object], ['asked', 'chat.completion'])
  })

  it('reads the chunks of a stream', async () => {
    const stream = await sdk(given({ stream: true }, answer)).chat.completions.create({
      ...ask,
      stream: true,
    })
    let content = ''
    for await (const { choices } of stream) content += choices[0]?.delta.content ?? ''
    assert.equal(content, 'I look.')
  })

  it('reads a whole answer', async () => {
    const { choices, usage: total } = await sdk(given({}, answer)).chat.completions.create(ask)
    assert.deepEqual(choices[0]?.message.tool_calls, expectedCalls)
    assert.equal(choices[0]?.message.content, 'I look.')
    assert.equal(total?.total_tokens, 13)
  })

  it('parses structured output', async () => {
    const format = {
      type: 'json_schema' as const,
      json_schema: { name: 'a', strict: true, schema: { type: 'object' } },
    }
    const text = given({ stream: true, response_format: format }, [
      chunk({ content: '{"a"' }),
      chunk({ content: ':1}' }),
      chunk({}, 'stop'),
    ])
    const client = sdk(text)
    const result = await client.chat.completions
      .stream({ ...ask, response_format: format })
      .finalChatCompletion()
    assert.deepEqual(JSON.parse(result.choices[0]?.message.content ?? ''), { a: 1 })
  })

  it('accumulates custom tools', async () => {
    const custom: OpenAI.ChatCompletionTool[] = [{ type: 'custom', custom: { name: 'sh' } }]
    const text = given({ stream: true, tools: custom }, [
      chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'sh', arguments: '{"inp' } }] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: 'ut":"ls"}' } }] }),
      chunk({}, 'tool_calls'),
    ])
    const result = await sdk(text)
      .chat.completions.stream({ ...ask, tools: custom })
      .finalChatCompletion()
    assert.deepEqual(JSON.parse(JSON.stringify(result.choices[0]?.message.tool_calls)), [
      { id: 'a', type: 'custom', custom: { name: 'sh', input: 'ls' } },
    ])
  })

  it('raises the endpoint’s error from inside a stream', async () => {
    const error = { error: { message: 'boom', code: 500 } }
    const text = given({ stream: true }, [chunk({ content: 'a' }), error])
    const stream = await sdk(text).chat.completions.create({ ...ask, stream: true })
    await assert.rejects(async () => {
      for await (const each of stream) void each
    }, /boom/)
  })

  it('notices an answer that breaks off', async () => {
    const text = given({ stream: true }, [chunk({ content: 'a' })], '')
    await assert.rejects(sdk(text).chat.completions.stream(ask).finalChatCompletion(), OpenAI.APIError)
  })

  it('maps the error of a whole answer to its class', async () => {
    const error = { error: { message: 'slow down', type: 'rate_limit_error' } }
    const text = given({}, [error])
    await assert.rejects(sdk(text, 429).chat.completions.create(ask), OpenAI.RateLimitError)
  })
})
