import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { fleet } from '../support/fleet.ts'

interface Entry {
  readonly name: string
  readonly model: string
  readonly digest: string
  readonly modified_at: string
  readonly expires_at: string
  readonly capabilities: readonly string[]
  readonly details: Readonly<Record<string, unknown>>
}

/** ISO 8601 with a zone: Open WebUI and Go clients parse it. */
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

describe('Ollama’s API in front of Ollama, vLLM and LM Studio together', () => {
  it('lists models each of which can be shown, with the fields that editors read', async (t) => {
    const { gateway } = await fleet(t)
    const { models } = (await (await fetch(`${gateway.url}/api/tags`)).json()) as { models: Entry[] }
    assert.deepEqual(models.map(({ name }) => name).sort(), [
      'Org/Mistral-7B-Instruct',
      'llama3.2:3b',
      'llava-vision',
      'nomic-embed-text',
    ])
    for (const { name, model, digest, modified_at: modified, details } of models) {
      assert.equal(model, name)
      assert.match(digest, /^[0-9a-f]{64}$/)
      assert.match(modified, time)
      for (const field of ['format', 'family', 'parameter_size', 'quantization_level'])
        assert.equal(typeof details[field], 'string', `${name}: ${field}`)
      const response = await fetch(`${gateway.url}/api/show`, {
        method: 'POST',
        body: JSON.stringify({ model: name }),
      })
      const shown = (await response.json()) as {
        model_info: Record<string, unknown> | null
        capabilities: string[]
        details: Record<string, unknown>
      }
      assert.equal(response.status, 200, name)
      const info = shown.model_info
      assert.ok(info !== null && typeof info === 'object', `${name}: model_info`)
      const architecture = info['general.architecture']
      assert.equal(typeof architecture, 'string', name)
      assert.ok(shown.capabilities.includes(name.includes('embed') ? 'embedding' : 'completion'), name)
    }
  })

  it('lists models in memory with the model, its digest and its expiry', async (t) => {
    const { gateway } = await fleet(t)
    const { models } = (await (await fetch(`${gateway.url}/api/ps`)).json()) as { models: Entry[] }
    assert.ok(models.length > 0)
    for (const entry of models) {
      assert.equal(entry.model, entry.name)
      assert.match(entry.digest, /^[0-9a-f]{64}$/)
      assert.match(entry.expires_at, time)
      assert.ok(Date.parse(entry.expires_at) > Date.now(), entry.name)
    }
  })

  it('chats with every model that it lists, and serves the OpenAI API below each base of Ollama’s', async (t) => {
    const { gateway } = await fleet(t)
    const ollama = new Ollama({ host: gateway.url })
    const messages = [{ role: 'user', content: 'Hi' }] as const
    for (const { name } of (await ollama.list()).models.filter((each) => !each.name.includes('embed'))) {
      const { message } = await ollama.chat({
        model: name,
        messages: [...messages],
        options: { num_predict: 3 },
      })
      assert.match(message.content, /the quick/, name)
    }
    for (const base of ['', '/olla/ollama', '/olla/proxy']) {
      const openai = new OpenAI({ baseURL: `${gateway.url}${base}/v1`, apiKey: 'any', maxRetries: 0 })
      const ids = (await openai.models.list()).data.map(({ id }) => id)
      assert.ok(ids.includes('llama3.2:3b'), base)
      const { choices } = await openai.chat.completions.create({
        model: 'llama3.2:3b',
        messages: [...messages],
      })
      assert.match(choices[0]?.message.content ?? '', /the quick/, base)
    }
  })

  it('words an unknown model as Ollama does, wherever a client names it', async (t) => {
    const { gateway } = await fleet(t)
    for (const [path, body] of [
      ['/api/chat', { model: 'none', messages: [] }],
      ['/api/generate', { model: 'none', prompt: 'x' }],
      ['/api/generate', { model: 'none', keep_alive: 0 }],
      ['/api/embed', { model: 'none', input: 'x' }],
      ['/api/embeddings', { model: 'none', prompt: 'x' }],
      ['/api/show', { model: 'none' }],
      ['/olla/ollama/api/chat', { model: 'none', messages: [] }],
    ] as const) {
      const response = await fetch(`${gateway.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
      const { error } = (await response.json()) as { error: string }
      assert.deepEqual([response.status, error], [404, "model 'none' not found"], path)
    }
  })
})
