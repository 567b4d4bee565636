/** What Ollama's SDK and applications send and read; each case cites where it broke. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ollama } from 'ollama'
import { orderTurns } from '../../../src/dialects/hub/parts/ordered-turns.ts'
import { readOllamaChatRequest } from '../../../src/dialects/ollama/chat/read-request.ts'
import { readOllamaGenerateRequest } from '../../../src/dialects/ollama/generate/read-request.ts'
import { ollamaLoadAnswer, ollamaLoadRequest } from '../../../src/dialects/ollama/parts/load-request.ts'
import type { JsonObject } from '../../../src/kernel/json/json-fields.ts'
import { chunk, toSse } from '../translate/messages-to-chat/support.ts'
import { formatCall, readLines, toOllama } from './support.ts'

const usage = { choices: [], usage: { prompt_tokens: 26, completion_tokens: 9 } }
const toolCall = (index: number, name: string, args: string) =>
  chunk({ tool_calls: [{ index, id: `id${index}`, type: 'function', function: { name, arguments: args } }] })

/** The SDK in front of a gateway whose endpoint answers every chat with these chunks. */
function sdk(chunks: readonly object[]) {
  const seen: JsonObject[] = []
  const answer = (url: string, body: string): Response => {
    const request = JSON.parse(body) as JsonObject
    seen.push(request)
    const operation = url.endsWith('/api/chat') ? 'chat' : 'generate'
    const load = ollamaLoadRequest(request, operation)
    if (load !== undefined) return Response.json(ollamaLoadAnswer(load, operation, 'm', Date.now()))
    const conversation =
      operation === 'chat' ? readOllamaChatRequest(request) : readOllamaGenerateRequest(request)
    const call = formatCall({ conversation, request, isStream: conversation.isStream })
    const translation = toOllama('sse', call, operation, {
      dropsThinking: conversation.settings.thinking?.isOn === false,
    })
    const bytes = Buffer.concat([translation.push(toSse(chunks)), translation.end()])
    const headers = { 'Content-Type': conversation.isStream ? 'application/x-ndjson' : 'application/json' }
    return new Response(bytes, { status: conversation.isStream ? 200 : statusOf(bytes), headers })
  }
  const fetch = async (url: unknown, init?: RequestInit) => answer(String(url), String(init?.body))
  return { client: new Ollama({ host: 'http://127.0.0.1:9', fetch: fetch as typeof globalThis.fetch }), seen }
}

const statusOf = (bytes: Buffer) => ('error' in (JSON.parse(bytes.toString()) as object) ? 502 : 200)

const messages = [{ role: 'user', content: 'hi' }]
const ask = { model: 'm', messages }

describe('the ollama SDK', () => {
  const chunks = [
    chunk({ reasoning_content: 'hm' }),
    chunk({ content: 'Hel' }),
    chunk({ content: 'lo' }),
    toolCall(0, 'f', '{"x":1}'),
    chunk({}, 'tool_calls'),
    usage,
  ]

  it('reads a chat, streamed and whole', async () => {
    const { client } = sdk(chunks)
    let text = ''
    let thinking = ''
    const calls: unknown[] = []
    for await (const { message, done, done_reason, eval_count } of await client.chat({
      ...ask,
      stream: true,
    })) {
      text += message.content
      thinking += message.thinking ?? ''
      calls.push(...(message.tool_calls ?? []))
      if (done) assert.deepEqual([done_reason, eval_count], ['stop', 9])
    }
    assert.deepEqual([text, thinking], ['Hello', 'hm'])
    assert.deepEqual(calls, [{ function: { name: 'f', arguments: { x: 1 } } }])
    const whole = await client.chat(ask)
    assert.equal(whole.message.content, 'Hello')
    assert.equal(whole.message.thinking, 'hm')
    assert.deepEqual(whole.message.tool_calls, calls)
    assert.equal(whole.prompt_eval_count, 26)
  })

  it('reads a generated text, streamed and whole', async () => {
    const { client } = sdk([chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop'), usage])
    let text = ''
    for await (const part of await client.generate({ model: 'm', prompt: 'hi', stream: true }))
      text += part.response
    assert.equal(text, 'Hello')
    assert.equal(
      (await client.generate({ model: 'm', prompt: 'hi', images: [Buffer.from('\x89PNG....')] })).response,
      'Hello',
    )
  })

  it('throws the error of an answer, streamed and whole', async () => {
    const { client } = sdk([chunk({ content: 'x' }), { error: { message: 'no memory', code: 500 } }])
    const read = async () => {
      for await (const _ of await client.chat({ ...ask, stream: true }));
    }
    await assert.rejects(read, /^Error: no memory$/)
    await assert.rejects(client.chat(ask), { name: 'ResponseError', message: 'no memory', status_code: 502 })
  })

  it('returns what a tool loop sends back', async () => {
    const { client, seen } = sdk(chunks)
    const { message } = await client.chat(ask)
    await client.chat({
      ...ask,
      messages: [...messages, message, { role: 'tool', content: '1', tool_name: 'f' }],
    })
    const turns = orderTurns(readOllamaChatRequest(seen[1] ?? {}).turns)
    assert.deepEqual(turns.slice(1), [
      {
        role: 'assistant',
        parts: [
          { kind: 'thinking', text: 'hm' },
          { kind: 'text', text: 'Hello' },
          { kind: 'call', id: 'call00001', name: 'f', args: '{"x":1}' },
        ],
      },
      {
        role: 'results',
        results: [{ callId: 'call00001', name: 'f', parts: [{ kind: 'text', text: '1' }], isError: false }],
      },
    ])
  })
})

describe('clients of Ollama’s API', () => {
  // ollama/ollama-python#484, mozilla-ai/any-llm#1278
  it('receive the arguments of a call as an object, empty ones as {}', async () => {
    const { client } = sdk([
      toolCall(0, 'f', '{"x":"1"}'),
      toolCall(1, 'g', ''),
      chunk({}, 'tool_calls'),
      usage,
    ])
    const { message } = await client.chat(ask)
    assert.deepEqual(
      message.tool_calls?.map((each) => each.function.arguments),
      [{ x: '1' }, {}],
    )
  })

  // Home Assistant's `entity.py` sends neither an ID nor the name of the tool.
  it('may send results without ID and name: they belong to the calls by their order', () => {
    const { turns } = readOllamaChatRequest({
      model: 'm',
      messages: [
        { role: 'user', content: 'lights' },
        {
          role: 'assistant',
          content: '',
          tool_calls: [
            { function: { name: 'HassTurnOn', arguments: { name: 'a' } } },
            { function: { name: 'HassTurnOn', arguments: { name: 'b' } } },
          ],
        },
        { role: 'tool', content: '{"a":1}' },
        { role: 'tool', content: '{"b":1}' },
      ],
      keep_alive: -1,
      stream: true,
      think: false,
      options: { num_ctx: 8192 },
    })
    const ordered = orderTurns(turns)
    const calls = ordered[1]?.role === 'assistant' ? ordered[1].parts : []
    const ids = calls.map((part) => (part.kind === 'call' ? part.id : ''))
    const results = ordered[2]?.role === 'results' ? ordered[2].results : []
    assert.equal(new Set(ids).size, 2)
    assert.deepEqual(
      results.map(({ callId, parts: [part] }) => [callId, part?.kind === 'text' ? part.text : '']),
      [
        [ids[0], '{"a":1}'],
        [ids[1], '{"b":1}'],
      ],
    )
  })

  // home-assistant/core#167154
  it('receive calls and thinking in fields of their own', async () => {
    const { client } = sdk([
      chunk({ content: '<think>I call f.' }),
      chunk({ content: '</think>' }),
      toolCall(0, 'f', '{}'),
      chunk({}, 'tool_calls'),
      usage,
    ])
    const { message } = await client.chat(ask)
    assert.equal(message.content, '')
    assert.equal(message.thinking, 'I call f.')
    assert.equal(message.tool_calls?.length, 1)
  })

  // charmbracelet/crush#2623, agentscope-ai/agentscope#1099
  it('receive neither an error nor tags if they turn thinking off', async () => {
    const { client, seen } = sdk([chunk({ content: '<think>hm</think>yes' }), chunk({}, 'stop'), usage])
    const { message } = await client.chat({ ...ask, think: false })
    assert.deepEqual(message, { role: 'assistant', content: 'yes' })
    assert.equal(readOllamaChatRequest(seen[0] ?? {}).uses.size, 0)
  })

  // home-assistant/core#164762
  for (const keepAlive of [-1, 0, 300, '5m', '300s', '-1', '0']) {
    it(`may send the keep_alive ${JSON.stringify(keepAlive)}`, async () => {
      const { client } = sdk([chunk({ content: 'x' }), chunk({}, 'stop'), usage])
      assert.equal((await client.chat({ ...ask, keep_alive: keepAlive })).message.content, 'x')
      const loaded = await client.chat({ model: 'm', keep_alive: keepAlive })
      const unloads = keepAlive === 0 || keepAlive === '0'
      assert.deepEqual([loaded.done, loaded.done_reason], [true, unloads ? 'unload' : 'load'])
    })
  }

  // langchain-ai/langchain#34918, strands-agents/harness-sdk#2823
  it('receive a last line with done or with an error, whatever the endpoint sends', () => {
    const answers: Buffer[] = [
      Buffer.alloc(0),
      toSse([]),
      toSse([chunk({ role: 'assistant', content: '' })], ''),
      toSse([chunk({ content: 'half' })], ''),
      toSse([chunk({ content: 'half' })], 'data: {"choices":[{"del'),
      toSse([chunk({}, 'stop')]),
      toSse([chunk({ content: '' }, 'length')]),
      Buffer.from('<html>'),
    ]
    for (const bytes of answers) {
      const translation = toOllama('sse', formatCall())
      const last = readLines(Buffer.concat([translation.push(bytes), translation.end()]).toString()).at(-1)
      assert.ok(last !== undefined && (last.done === true || typeof last.error === 'string'))
      assert.equal(last.done === true, translation.outcome === 'complete')
    }
  })

  // open-webui/open-webui#7158, continuedev/continue#4542
  it('have their suffix and their raw prompts noticed, so that they never go to a chat', () => {
    const fill = readOllamaGenerateRequest({ model: 'm', prompt: 'def f(', suffix: '  return 1' })
    assert.equal(fill.settings.suffix, '  return 1')
    assert.ok(fill.uses.has('suffix'))
    const raw = readOllamaGenerateRequest({ model: 'm', prompt: '<PRE> a <SUF> b <MID>', raw: true })
    assert.ok(raw.uses.has('raw_prompt'))
  })

  // microsoft/agent-framework#6781
  it('may send a format that is empty, "json" or a schema', () => {
    const schema = { type: 'object', properties: {} }
    const kinds = ['', 'json', schema].map(
      (format) => readOllamaChatRequest({ ...ask, format }).settings.format?.kind,
    )
    assert.deepEqual(kinds, [undefined, 'json', 'schema'])
  })

  // Older versions of Zed read no key beside `function` in a call, and require role and content.
  it('receive role and content in every line, and calls with nothing beside function', () => {
    const translation = toOllama('sse', formatCall())
    const bytes = toSse([toolCall(0, 'f', '{}'), chunk({ reasoning: 'hm' }), chunk({}, 'tool_calls'), usage])
    const lines = readLines(Buffer.concat([translation.push(bytes), translation.end()]).toString())
    assert.ok(lines.length > 2)
    for (const { message } of lines) {
      const { role, content, tool_calls: calls = [] } = message as Record<string, unknown>
      assert.deepEqual([role, content], ['assistant', ''])
      for (const call of calls as object[]) assert.deepEqual(Object.keys(call), ['function'])
    }
  })
})
