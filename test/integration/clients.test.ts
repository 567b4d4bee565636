import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic, { NotFoundError as AnthropicNotFound } from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI, { APIError, NotFoundError } from 'openai'
import { startGateway } from '../support/gateway.ts'
import { withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const messages = [{ role: 'user' as const, content: 'three little words' }]

async function fleet(t: TestContext, engine: string) {
  const ollama = await withSimulator(t, { kind: 'ollama', models: ['llama3.2:3b', 'nomic-embed-text'] })
  const vllm = await withSimulator(t, { kind: 'vllm', models: ['org/mistral'] })
  const gateway = await startGateway(
    t,
    [
      { url: ollama.url, name: 'box', type: 'ollama' },
      { url: vllm.url, name: 'gpu', type: 'vllm' },
    ],
    { proxy: engineOf(engine) },
  )
  return { gateway, ollama, vllm }
}

for (const engine of engines) {
  describe(`official clients through the ${engine} engine`, () => {
    it('openai: chat, whole and streamed, reaches the endpoint that has the model', async (t) => {
      const { gateway } = await fleet(t, engine)
      const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
      const whole = await client.chat.completions.create({ model: 'org/mistral', messages, max_tokens: 4 })
      assert.match(whole.choices[0]?.message.content ?? '', /^\[vllm\]/)
      assert.deepEqual(
        { prompt: whole.usage?.prompt_tokens, completion: whole.usage?.completion_tokens },
        { prompt: 3, completion: 4 },
      )
      const stream = await client.chat.completions.create({
        model: 'llama3.2:3b',
        messages,
        max_tokens: 4,
        stream: true,
        stream_options: { include_usage: true },
      })
      let text = ''
      let completionTokens = 0
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? ''
        completionTokens = chunk.usage?.completion_tokens ?? completionTokens
      }
      assert.match(text, /^\[ollama\]/)
      assert.equal(completionTokens, 4)
    })

    it('openai: embeddings and the provider prefix', async (t) => {
      const { gateway } = await fleet(t, engine)
      const client = new OpenAI({ baseURL: `${gateway.url}/olla/openai/v1`, apiKey: 'any', maxRetries: 0 })
      const { data } = await client.embeddings.create({
        model: 'nomic-embed-text',
        input: ['a', 'b'],
        encoding_format: 'float',
      })
      assert.equal(data.length, 2)
      assert.notDeepEqual(data[0]?.embedding, data[1]?.embedding)
    })

    it('openai: errors have its format', async (t) => {
      const { gateway } = await fleet(t, engine)
      const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
      await assert.rejects(
        client.chat.completions.create({ model: 'nobody-has-it', messages }),
        (error) => error instanceof NotFoundError && error.code === 'model_not_found',
      )
    })

    it('openai: a stream that breaks is an error, not an end', async (t) => {
      const { gateway, vllm } = await fleet(t, engine)
      await vllm.control.setFault({ kind: 'die', chunks: 3 })
      const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
      const stream = await client.chat.completions.create({ model: 'org/mistral', messages, stream: true })
      await assert.rejects(
        async () => {
          for await (const _chunk of stream);
        },
        (error) => error instanceof APIError && error.code === 'upstream_broken',
      )
    })

    it('ollama: chat, generate and embed, whole and streamed', async (t) => {
      const { gateway } = await fleet(t, engine)
      for (const host of [gateway.url, `${gateway.url}/olla/ollama`]) {
        const client = new Ollama({ host })
        const whole = await client.chat({ model: 'llama3.2:3b', messages, options: { num_predict: 3 } })
        assert.match(whole.message.content, /^\[ollama\]/)
        assert.equal(whole.eval_count, 3)
        let text = ''
        for await (const part of await client.chat({ model: 'llama3.2:3b', messages, stream: true })) {
          text += part.message.content
        }
        assert.match(text, /^\[ollama\]/)
        const generated = await client.generate({ model: 'llama3.2:3b', prompt: 'hello' })
        assert.match(generated.response ?? '', /^\[ollama\]/)
        const { embeddings } = await client.embed({ model: 'nomic-embed-text', input: ['x'] })
        assert.equal(embeddings.length, 1)
      }
    })

    it('ollama: errors have its format', async (t) => {
      const { gateway } = await fleet(t, engine)
      const client = new Ollama({ host: gateway.url })
      await assert.rejects(client.chat({ model: 'nobody-has-it', messages }), /not found/)
    })

    it('anthropic: messages, whole and streamed, on endpoints that speak it', async (t) => {
      const { gateway } = await fleet(t, engine)
      const client = new Anthropic({ baseURL: gateway.url, apiKey: 'any', maxRetries: 0 })
      const whole = await client.messages.create({ model: 'org/mistral', max_tokens: 5, messages })
      assert.equal(whole.content[0]?.type === 'text' && whole.content[0].text.startsWith('[vllm]'), true)
      assert.equal(whole.usage.output_tokens, 5)
      const stream = client.messages.stream({ model: 'llama3.2:3b', max_tokens: 5, messages })
      const final = await stream.finalMessage()
      assert.equal(final.stop_reason, 'max_tokens')
      assert.match(await stream.finalText(), /^\[ollama\]/)
    })

    it('anthropic: errors have its format', async (t) => {
      const { gateway } = await fleet(t, engine)
      const client = new Anthropic({ baseURL: gateway.url, apiKey: 'any', maxRetries: 0 })
      await assert.rejects(
        client.messages.create({ model: 'nobody-has-it', max_tokens: 5, messages }),
        (error) => error instanceof AnthropicNotFound && error.type === 'not_found_error',
      )
    })
  })
}
