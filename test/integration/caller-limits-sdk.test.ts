import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Anthropic from '@anthropic-ai/sdk'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'

/** A gateway whose key has used up these limits, and a `fetch` that counts. */
async function start(t: TestContext, limits: Readonly<Record<string, unknown>>) {
  const endpoint = await startScriptedEndpoint(t, ['m'], () => ({
    body: {
      id: 'x',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 500, completion_tokens: 500, total_tokens: 1_000 },
    },
  }))
  const { key, entry } = configuredKey('ci', { limits })
  const gateway = await startGateway(t, [{ url: endpoint.url, name: 'one', type: 'openai' }], {
    callers: { secret: callersSecret, keys: [entry] },
  })
  let requests = 0
  const counting: typeof fetch = (input, init) => {
    // One SDK tries its files on a `data:` URL.
    if (!String(input).startsWith('data:')) requests++
    return fetch(input, init)
  }
  const openai = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, fetch: counting })
  const anthropic = new Anthropic({ apiKey: key, baseURL: gateway.url, fetch: counting })
  const chat = () =>
    openai.chat.completions.create({
      model: 'm',
      max_tokens: 10,
      messages: [{ role: 'user', content: 'hi' }],
    })
  const message = () =>
    anthropic.messages.create({ model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] })
  const ollama = new Ollama({
    host: gateway.url,
    fetch: counting,
    headers: { authorization: `Bearer ${key}` },
  })
  const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }
  const others: Readonly<Record<string, () => Promise<unknown>>> = {
    'streamed chat': () => openai.chat.completions.create({ ...ask, stream: true }),
    completions: () => openai.completions.create({ model: 'm', prompt: 'hi' }),
    responses: () => openai.responses.create({ model: 'm', input: 'hi' }),
    embeddings: () => openai.embeddings.create({ model: 'm', input: 'hi' }),
    images: () => openai.images.generate({ model: 'm', prompt: 'hi' }),
    files: () => openai.files.create({ file: new File(['{}'], 'a.jsonl'), purpose: 'batch' }),
    'count of tokens': () => anthropic.messages.countTokens(ask),
    'streamed message': () => anthropic.messages.create({ ...ask, max_tokens: 10, stream: true }),
    'Ollama chat': () => ollama.chat({ ...ask }),
    'Ollama generate': () => ollama.generate({ model: 'm', prompt: 'hi' }),
    'Ollama embed': () => ollama.embed({ model: 'm', input: 'hi' }),
  }
  await chat()
  requests = 0
  return { chat, message, others, endpoint, requests: () => requests }
}

describe('clients of a caller without a budget', () => {
  it('get the error that their SDK knows, after exactly one request', async (t) => {
    const { chat, message, endpoint, requests } = await start(t, {
      budgets: [{ amount: 1_000, unit: 'tokens', period: 'month' }],
    })
    await assert.rejects(chat, (error) => {
      assert(error instanceof OpenAI.RateLimitError)
      assert.equal(error.code, 'insufficient_quota')
      assert.equal(error.type, 'insufficient_quota')
      return true
    })
    assert.equal(requests(), 1)
    await assert.rejects(message, (error) => error instanceof Anthropic.RateLimitError)
    assert.equal(requests(), 2)
    assert.equal(endpoint.calls.length, 1)
  })

  it('send exactly one request to each API', async (t) => {
    const { others, endpoint, requests } = await start(t, {
      budgets: [{ amount: 1_000, unit: 'tokens', period: 'month' }],
    })
    let asked = 0
    for (const [name, ask] of Object.entries(others)) {
      await assert.rejects(ask, (error) => {
        const { status, status_code: code } = error as { status?: number; status_code?: number }
        assert.equal(status ?? code, 429, `${name}: ${String(error)}`)
        return true
      })
      assert.equal(requests(), ++asked, name)
    }
    assert.equal(endpoint.calls.length, 1)
  })

  it('do not sleep for a day', async (t) => {
    const { chat, message, requests } = await start(t, { tokens_per_day: { total: 1_000 } })
    await assert.rejects(chat, (error) => {
      assert(error instanceof OpenAI.RateLimitError)
      assert.equal(error.code, 'rate_limit_exceeded')
      return true
    })
    await assert.rejects(message, (error) => error instanceof Anthropic.RateLimitError)
    assert.equal(requests(), 2)
  })
})
