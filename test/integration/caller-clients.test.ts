import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI, { AzureOpenAI } from 'openai'
import { createKey } from '../../src/callers/keys/key-text.ts'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { withSimulator } from '../support/simulator.ts'

const messages = [{ role: 'user' as const, content: 'hi' }]

/** Asks with a key through each official client. */
const clients: Readonly<
  Record<string, (url: string, key: string, model: string, fetched: typeof fetch) => Promise<unknown>>
> = {
  OpenAI: (url, apiKey, model, fetched) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey, fetch: fetched }).chat.completions.create({ model, messages }),
  'OpenAI Responses': (url, apiKey, model, fetched) =>
    new OpenAI({ baseURL: `${url}/v1`, apiKey, fetch: fetched }).responses.create({ model, input: 'hi' }),
  'Azure OpenAI': (url, apiKey, model, fetched) =>
    new AzureOpenAI({
      baseURL: `${url}/v1`,
      apiKey,
      apiVersion: '2024-10-21',
      fetch: fetched,
    }).models.retrieve(model),
  'Anthropic with a key': (url, apiKey, model, fetched) =>
    new Anthropic({ baseURL: url, apiKey, authToken: null, fetch: fetched }).messages.create({
      model,
      messages,
      max_tokens: 9,
    }),
  'Anthropic with a token': (url, authToken, model, fetched) =>
    new Anthropic({ baseURL: url, apiKey: null, authToken, fetch: fetched }).messages.create({
      model,
      messages,
      max_tokens: 9,
    }),
  Ollama: (host, key, model, fetched) =>
    new Ollama({ host, fetch: fetched, headers: { Authorization: `Bearer ${key}` } }).chat({
      model,
      messages,
    }),
}

async function start(t: TestContext) {
  const simulator = await withSimulator(t, { kind: 'ollama', models: ['llama3:8b', 'other:1b'] })
  const { key, entry } = configuredKey('ci', { policy: { models: { include: ['llama*'] } } })
  const disabled = configuredKey('old', { enabled: false })
  const { url } = await startGateway(t, [{ url: simulator.url, type: 'ollama' }], {
    callers: { secret: callersSecret, keys: [entry, disabled.entry] },
  })
  /** @returns how it ended, and how many requests the client has sent */
  const ask = async (name: string, apiKey: string, model = 'llama3:8b') => {
    let requests = 0
    const counted: typeof fetch = (input, init) => {
      requests++
      return fetch(input, init)
    }
    const result = await clients[name]?.(url, apiKey, model, counted).then(
      () => 'answered',
      (error: unknown) => {
        const found = Object(error)
        return `${found.constructor.name} ${found.status ?? found.status_code}`
      },
    )
    return `${result}, ${requests} request`
  }
  return { key, disabled: disabled.key, ask }
}

describe('official clients', () => {
  it('send a key where the gateway finds it, and do not repeat what it refuses', async (t) => {
    const { key, disabled, ask } = await start(t)
    for (const name of Object.keys(clients)) {
      assert.equal(await ask(name, key), 'answered, 1 request', name)
      const isOllama = name === 'Ollama'
      const unauthorized = `${isOllama ? 'ResponseError' : 'AuthenticationError'} 401, 1 request`
      assert.equal(await ask(name, createKey()), unauthorized, name)
      assert.equal(await ask(name, disabled), unauthorized, name)
      // Azure's client asks for the description of a model, which then does not exist.
      const forbidden =
        name === 'Azure OpenAI'
          ? 'NotFoundError 404'
          : `${isOllama ? 'ResponseError' : 'PermissionDeniedError'} 403`
      assert.equal(await ask(name, key, 'other:1b'), `${forbidden}, 1 request`, name)
    }
  })
})
