import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import type { Script } from '../../simulator/script.ts'
import { withSimulator } from '../support/simulator.ts'

const model = { name: 'qwen3:8b', capabilities: ['completion', 'tools', 'thinking'] }
const messages = [{ role: 'user' as const, content: 'count these four words' }]
const script: Script = {
  reasoning: 'hm hm',
  text: 'Look at this.',
  toolCalls: [{ name: 'f', arguments: '{"city":"Paris"}' }],
}
/** The same answer as each dialect says it. */
const said = { thinking: 'hm hm', text: 'Look at this.', calls: [['f', { city: 'Paris' }]] }

suite('a script', () => {
  test('is the same answer in every dialect, whole and streamed', async (t) => {
    const simulator = await withSimulator(t, { kind: 'ollama', models: [model] })
    const { url, control } = simulator
    const ollama = new Ollama({ host: url })
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 })
    const anthropic = new Anthropic({ baseURL: url, apiKey: 'unused', maxRetries: 0 })

    control.script(script)
    const { message } = await ollama.chat({ model: model.name, messages })
    assert.deepEqual(
      {
        thinking: message.thinking,
        text: message.content,
        calls: message.tool_calls?.map((call) => [call.function.name, call.function.arguments]),
      },
      said,
    )

    control.script(script)
    const parts = { thinking: '', text: '', calls: [] as unknown[] }
    for await (const { message: part } of await ollama.chat({ model: model.name, messages, stream: true })) {
      parts.thinking += part.thinking ?? ''
      parts.text += part.content
      for (const call of part.tool_calls ?? [])
        parts.calls.push([call.function.name, call.function.arguments])
    }
    assert.deepEqual(parts, said)

    for (const stream of [false, true]) {
      control.script(script)
      const request = { model: model.name, messages }
      const completion = stream
        ? await openai.chat.completions.stream(request).finalChatCompletion()
        : await openai.chat.completions.create(request)
      const chosen = completion.choices[0]
      assert.equal(chosen?.message.content, said.text)
      // The client's helper for streams does not know the field.
      if (!stream) assert.equal(Object(chosen?.message).reasoning, said.thinking)
      const call = chosen?.message.tool_calls?.[0]
      assert.ok(call?.type === 'function')
      assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], said.calls[0])
      assert.equal(chosen?.finish_reason, 'tool_calls')

      control.script(script)
      const params = { model: model.name, messages, max_tokens: 64 }
      const { content } = stream
        ? await anthropic.messages.stream(params).finalMessage()
        : await anthropic.messages.create(params)
      assert.deepEqual(
        content.map((block) =>
          block.type === 'thinking'
            ? block.thinking
            : block.type === 'text'
              ? block.text
              : Object(block).input,
        ),
        [said.thinking, said.text, { city: 'Paris' }],
      )

      control.script(script)
      const input = { model: model.name, input: 'count' }
      const response = stream
        ? await openai.responses.stream(input).finalResponse()
        : await openai.responses.create(input)
      assert.equal(response.output_text, said.text)
      assert.deepEqual(
        response.output.map(({ type }) => type),
        ['reasoning', 'message', 'function_call'],
      )
    }

    control.script(script, script)
    const prompt = { model: model.name, prompt: 'count' }
    const generated = await ollama.generate(prompt)
    assert.deepEqual([generated.thinking, generated.response], [said.thinking, said.text])
    assert.equal((await openai.completions.create(prompt)).choices[0]?.text, said.text)
  })

  test('ends for every reason in every dialect', async (t) => {
    const { url, control } = await withSimulator(t, { kind: 'ollama', models: [model] })
    const post = async (path: string, body: object) =>
      Object(await (await fetch(url + path, { method: 'POST', body: JSON.stringify(body) })).json())
    const named = { model: model.name, messages, stream: false }
    for (const [finish, chat, message, response, ollama] of [
      ['stop', 'stop', 'end_turn', 'completed', 'stop'],
      ['length', 'length', 'max_tokens', 'incomplete', 'length'],
      ['filter', 'content_filter', 'refusal', 'incomplete', 'stop'],
    ] as const) {
      control.script(...Array.from({ length: 5 }, () => ({ text: 'a b', finish })))
      assert.equal((await post('/v1/chat/completions', named)).choices[0].finish_reason, chat)
      assert.equal((await post('/v1/completions', { ...named, prompt: 'a' })).choices[0].finish_reason, chat)
      assert.equal((await post('/v1/messages', { ...named, max_tokens: 9 })).stop_reason, message)
      assert.equal((await post('/v1/responses', { ...named, input: 'a' })).status, response)
      assert.equal((await post('/api/chat', named)).done_reason, ollama)
    }
  })

  test('signs its thoughts for a Messages client', async (t) => {
    const { url, control } = await withSimulator(t, { kind: 'vllm', models: [model] })
    const anthropic = new Anthropic({ baseURL: url, apiKey: 'unused', maxRetries: 0 })
    const params = { model: model.name, messages, max_tokens: 64 }
    control.script(...Array.from({ length: 2 }, () => ({ reasoning: 'hm', text: 'a', signature: 'sig' })))
    const thinking = { type: 'thinking', thinking: 'hm', signature: 'sig' }
    assert.deepEqual((await anthropic.messages.create(params)).content[0], thinking)
    assert.deepEqual((await anthropic.messages.stream(params).finalMessage()).content[0], thinking)
  })
})

suite("a simulated Ollama's newer fields", () => {
  test('are capabilities, and errors for what a model cannot do', async (t) => {
    const models = [model, 'plain:1b', { name: 'see:2b', type: 'vlm' as const }, 'nomic-embed-text']
    const { url } = await withSimulator(t, { kind: 'ollama', models })
    const ollama = new Ollama({ host: url })
    const listed = (await (await fetch(`${url}/api/tags`)).json()) as { models: Record<string, unknown>[] }
    assert.deepEqual(
      listed.models.map(({ capabilities }) => capabilities),
      [
        ['completion', 'tools', 'thinking'],
        ['completion', 'tools'],
        ['completion', 'tools', 'vision'],
        ['embedding'],
      ],
    )
    assert.deepEqual((await ollama.show({ model: model.name })).capabilities, model.capabilities)
    await assert.rejects(
      ollama.chat({ model: 'plain:1b', messages, think: true }),
      /does not support thinking/,
    )
    await ollama.chat({ model: 'plain:1b', messages, think: false })
    const tools = [{ type: 'function', function: { name: 'f' } }]
    await assert.rejects(
      ollama.chat({ model: 'nomic-embed-text', messages, tools }),
      /does not support tools/,
    )
  })

  test('are no thoughts with think: false', async (t) => {
    const { url, control } = await withSimulator(t, { kind: 'ollama', models: [model] })
    const ollama = new Ollama({ host: url })
    control.script(script, script)
    assert.equal(
      (await ollama.chat({ model: model.name, messages, think: false })).message.thinking,
      undefined,
    )
    assert.equal((await ollama.chat({ model: model.name, messages, think: 'low' })).message.thinking, 'hm hm')
  })

  test('are log probabilities, whole and streamed', async (t) => {
    const { url, control } = await withSimulator(t, { kind: 'ollama', models: [model] })
    const ollama = new Ollama({ host: url })
    control.script({ text: 'a b' }, { text: 'a b' })
    const request = { model: model.name, messages, logprobs: true, top_logprobs: 1 }
    const whole = await ollama.chat(request)
    const streamed: unknown[] = []
    for await (const part of await ollama.chat({ ...request, stream: true }))
      streamed.push(...(part.logprobs ?? []))
    assert.deepEqual(
      whole.logprobs?.map(({ token }) => token),
      ['a', ' b'],
    )
    assert.deepEqual(streamed, whole.logprobs)
  })

  test('are loading and unloading', async (t) => {
    const { url } = await withSimulator(t, { kind: 'ollama', models: [model] })
    const ollama = new Ollama({ host: url })
    assert.equal((await ollama.chat({ model: model.name })).done_reason, 'load')
    const unloaded = await ollama.generate({ model: model.name, prompt: '', keep_alive: 0 })
    assert.equal(unloaded.done_reason, 'unload')
  })

  test('are errors within a stream', async (t) => {
    const { url, control } = await withSimulator(t, { kind: 'ollama', models: [model] })
    control.script({ text: 'one two three', errorAfter: 2 })
    const stream = await new Ollama({ host: url }).chat({ model: model.name, messages, stream: true })
    let text = ''
    await assert.rejects(async () => {
      for await (const part of stream) text += part.message.content
    }, /the engine has died/)
    assert.equal(text, 'one two')
  })

  test('are embeddings of length 1, cut to dimensions', async (t) => {
    const { url } = await withSimulator(t, { kind: 'ollama', models: ['nomic-embed-text'] })
    const ollama = new Ollama({ host: url })
    const embed = async (options: object) =>
      (await ollama.embed({ model: 'nomic-embed-text', input: 'a', ...options })).embeddings
    for (const [dimensions, length] of [
      [undefined, 8],
      [3, 3],
      [100, 8],
      [0, 8],
    ] as const) {
      const [vector] = await embed({ dimensions })
      assert.equal(vector?.length, length)
      assert.ok(Math.abs(Math.hypot(...(vector ?? [])) - 1) < 1e-6)
    }
    assert.deepEqual(await embed({ input: '' }), [])
    assert.deepEqual(await embed({ input: [] }), [])
    const older = await ollama.embeddings({ model: 'nomic-embed-text', prompt: '' })
    assert.deepEqual(older.embedding, [])
  })
})

suite('simulated completions', () => {
  test('answer each prompt n times, with its echo', async (t) => {
    const { url, control } = await withSimulator(t, { kind: 'vllm', models: [model] })
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 })
    control.script({ text: ' x y' }, { text: ' x y' })
    const request = { model: model.name, prompt: ['one', 'two'], n: 2, echo: true, logprobs: 1 }
    const { choices, usage } = await openai.completions.create(request)
    assert.deepEqual(
      choices.map(({ index, text }) => [index, text]),
      [
        [0, 'one x y'],
        [1, 'one x y'],
        [2, 'two x y'],
        [3, 'two x y'],
      ],
    )
    assert.deepEqual(choices[0]?.logprobs?.tokens, ['one', ' x', ' y'])
    assert.deepEqual(choices[0]?.logprobs?.text_offset, [0, 3, 5])
    assert.equal(usage?.completion_tokens, 8)

    const texts = ['', '', '', '']
    const reasons: unknown[] = []
    for await (const chunk of await openai.completions.create({ ...request, stream: true })) {
      for (const { index, text, finish_reason: reason } of chunk.choices) {
        texts[index] += text
        if (reason !== null) reasons.push(reason)
      }
    }
    assert.deepEqual(
      texts,
      choices.map(({ text }) => text),
    )
    assert.deepEqual(reasons, ['stop', 'stop', 'stop', 'stop'])
  })
})

suite('simulated chats', () => {
  test('have choices and log probabilities', async (t) => {
    const { url, control } = await withSimulator(t, { kind: 'vllm', models: [model] })
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 })
    control.script({ text: 'a b' }, { text: 'a b' })
    const request = { model: model.name, messages, n: 2, logprobs: true, top_logprobs: 2 }
    const whole = await openai.chat.completions.create(request)
    assert.deepEqual(
      whole.choices.map(({ index, message }) => [index, message.content]),
      [
        [0, 'a b'],
        [1, 'a b'],
      ],
    )
    assert.deepEqual(
      whole.choices[1]?.logprobs?.content?.map(({ token, top_logprobs: top }) => [token, top.length]),
      [
        ['a', 2],
        [' b', 2],
      ],
    )
    const streamed = await openai.chat.completions.stream(request).finalChatCompletion()
    assert.deepEqual(
      streamed.choices.map(({ logprobs }) => logprobs?.content),
      whole.choices.map(({ logprobs }) => logprobs?.content),
    )
  })
})
