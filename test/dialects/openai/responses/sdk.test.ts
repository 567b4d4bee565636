import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import OpenAI from 'openai'
import { toResponseInputItems } from 'openai/lib/responses/ResponseInputItems'
import { isObject } from '../../../../src/kernel/json/json-fields.ts'
import { answer, callDelta, chunk, toSse, translation, usage } from './support.ts'

/** The official SDK in front of a chat endpoint that answers with these chunks. */
function clientOf(chunks: readonly object[], end?: string): OpenAI {
  return new OpenAI({
    apiKey: 'x',
    baseURL: 'http://127.0.0.1/v1',
    maxRetries: 0,
    fetch: async (_url, init) => {
      const request: unknown = JSON.parse(String(init?.body))
      assert.ok(isObject(request))
      if (request.stream !== true) {
        return new Response(answer(request, chunks, end), { headers: { 'content-type': 'application/json' } })
      }
      const translated = translation(request)
      const parts = [translated.push(toSse(chunks, end)), translated.end()]
      const body = new ReadableStream({
        start(controller) {
          for (const part of parts) controller.enqueue(new Uint8Array(part))
          controller.close()
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
}

const tools = [
  { type: 'function', name: 'weather', parameters: { type: 'object' }, strict: false },
  { type: 'custom', name: 'patch' },
  { type: 'local_shell' },
  { type: 'tool_search', execution: 'client' },
  {
    type: 'namespace',
    name: 'git',
    description: 'Git',
    tools: [{ type: 'function', name: 'log', parameters: { type: 'object' } }],
  },
] satisfies OpenAI.Responses.Tool[]
const chunks = [
  chunk({ reasoning_content: 'think' }),
  chunk({ content: 'Hi \ud83d' }),
  chunk({ content: '\ude00' }),
  callDelta(0, 'c1', 'weather', '{"city":"Rome"}'),
  callDelta(1, 'c2', 'patch', '{"input":"*** x"}'),
  callDelta(2, 'c3', 'local_shell', '{"command":["ls"]}'),
  callDelta(3, 'c4', 'tool_search', '{"query":"q"}'),
  callDelta(4, 'c5', 'git__log', '{}'),
  chunk({}, 'tool_calls', usage(5, 6)),
]
const request = { model: 'm', input: 'Hi', tools }

describe('the official SDK', () => {
  for (const extra of [{}, { reasoning: { summary: 'auto' as const } }, { top_logprobs: 1 }]) {
    it(`accumulates what it streams to what it gets whole, with ${JSON.stringify(extra)}`, async () => {
      const client = clientOf(chunks)
      const whole = await client.responses.create({ ...request, ...extra })
      const stream = client.responses.stream({ ...request, ...extra })
      const types: string[] = []
      for await (const event of stream) types.push(event.type)
      const final = await stream.finalResponse()
      assert.equal(final.output_text, 'Hi \u{1f600}')
      assert.equal(whole.output_text, 'Hi \u{1f600}')
      assert.deepEqual(
        final.output.map(({ type }) => type),
        [
          'reasoning',
          'message',
          'function_call',
          'custom_tool_call',
          'local_shell_call',
          'tool_search_call',
          'function_call',
        ],
      )
      assert.deepEqual(plain(final.output), plain(whole.output))
      assert.deepEqual(final.usage, whole.usage)
      assert.equal(types.at(-1), 'response.completed')
    })
  }

  it('accumulates the same from the events alone, without the terminal one', async () => {
    const stream = clientOf(chunks).responses.stream({ ...request, include: ['reasoning.encrypted_content'] })
    const done: unknown[] = []
    let output: unknown
    for await (const event of stream) {
      if (event.type === 'response.output_item.done') done.push(event.item)
      if (event.type === 'response.completed') output = event.response.output
    }
    assert.equal(done.length, 7)
    assert.deepEqual(done, output)
  })

  it('parses structured output', async () => {
    const format = { type: 'json_schema', name: 'a', schema: { type: 'object' } } as const
    const client = clientOf([chunk({ content: '{"a":1}' }), chunk({}, 'stop', usage(1, 1))])
    const response = await client.responses.parse({ ...request, text: { format } })
    assert.equal(response.output_text, '{"a":1}')
  })

  /** openai/openai-agents-python#3106, Kilo-Org/cloud#4744 */
  it('raises the error of a stream that fails', async () => {
    const client = clientOf([chunk({ content: 'x' }), { error: { message: 'CUDA error', code: 500 } }], '')
    await assert.rejects(client.responses.stream(request).finalResponse(), (error) => {
      assert.ok(error instanceof OpenAI.APIError)
      assert.match(error.message, /CUDA error/)
      assert.equal(error.code, 'server_error')
      return true
    })
    const events = await client.responses.create({ ...request, stream: true })
    await assert.rejects(async () => {
      for await (const _ of events);
    }, /CUDA error/)
  })

  it('reports an incomplete response', async () => {
    const client = clientOf([chunk({ content: 'x' }), chunk({}, 'length', usage(1, 1))])
    const response = await client.responses.stream(request).finalResponse()
    assert.deepEqual(
      [response.status, response.incomplete_details],
      ['incomplete', { reason: 'max_output_tokens' }],
    )
  })

  it('sends back what it got, and the gateway reads it', async () => {
    const client = clientOf(chunks)
    const first = await client.responses.create({ ...request, include: ['reasoning.encrypted_content'] })
    const hello = { role: 'user' as const, content: 'Hi' }
    const input = toResponseInputItems([hello, ...first.output, { role: 'user' as const, content: 'Go on' }])
    assert.equal(input.length, 9)
    const second = await client.responses.create({ ...request, input })
    assert.equal(second.status, 'completed')
  })
})

/** Without what the SDK adds. */
function plain(output: readonly object[]): object[] {
  return output.map((item) => {
    const { parsed_arguments: _, ...others } = { parsed_arguments: null, ...item }
    if (!('content' in others) || !Array.isArray(others.content)) return others
    return { ...others, content: others.content.map(({ parsed: _parsed, ...part }) => part) }
  })
}
