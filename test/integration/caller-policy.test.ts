import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { chatBody, startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'

const answer = {
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
}

/** Two endpoints, one of them with a tag, and keys with these policies. */
async function start(
  t: TestContext,
  policies: Readonly<Record<string, Record<string, unknown>>>,
  sections: Readonly<Record<string, Record<string, unknown>>> = {},
) {
  const plain = await startScriptedEndpoint(t, ['llama3:8b', 'secret-model'], () => ({ body: answer }))
  const tagged = await startScriptedEndpoint(t, ['llama3:8b', 'qwen3'], () => ({ body: answer }))
  const keys = Object.entries(policies).map(([name, policy]) => configuredKey(name, { policy }))
  const gateway = await startGateway(
    t,
    [
      { url: plain.url, name: 'plain', type: 'ollama' },
      { url: tagged.url, name: 'tagged', tags: ['gpu'] },
    ],
    { ...sections, callers: { secret: callersSecret, keys: keys.map(({ entry }) => entry) } },
  )
  const keyOf = (name: string) => keys.find(({ entry }) => entry.name === name)?.key ?? ''
  const chat = async (name: string, extra: Record<string, unknown> = {}, path = '/v1/chat/completions') => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: bearer(keyOf(name)),
      body: chatBody(extra),
    })
    const text = await response.text()
    return { status: response.status, endpoint: response.headers.get('x-olla-endpoint'), text }
  }
  const get = async (name: string, path: string) => {
    const response = await fetch(`${gateway.url}${path}`, { headers: bearer(keyOf(name)) })
    return { status: response.status, text: await response.text() }
  }
  return { gateway, plain, tagged, chat, get, keyOf }
}

const include = (...names: string[]) => ({ include: names })

describe('the policy of a key', () => {
  it('allows some models only, on every route, and lists no others', async (t) => {
    const { chat, get } = await start(
      t,
      { all: {}, llama: { models: include('llama*') }, alias: { models: include('fast') } },
      { model_aliases: { fast: ['qwen3'] } },
    )
    assert.equal((await chat('llama', { model: 'llama3:8b' })).status, 200)
    assert.equal((await chat('alias', { model: 'fast' })).status, 200)
    for (const [name, model] of [
      ['llama', 'qwen3'],
      ['llama', 'fast'],
      ['llama', 'unknown'],
      ['alias', 'qwen3'],
    ] as const) {
      for (const path of [
        '/v1/chat/completions',
        '/olla/proxy/v1/chat/completions',
        '/v1/messages',
        '/v1/messages/count_tokens',
        '/api/chat',
        '/api/show',
        '/v1/responses',
        '/v1/embeddings',
      ]) {
        const refused = await chat(name, { model, input: 'x', max_tokens: 5 }, path)
        assert.equal(refused.status, 403, `${name} ${model} ${path} ${refused.text}`)
      }
    }
    const refused = await chat('llama', { model: 'qwen3' })
    const { error } = JSON.parse(refused.text) as { error: Record<string, unknown> }
    assert.deepEqual([error.type, error.code], ['permission_error', 'model_not_allowed'])
    assert.equal((await chat('llama', { model: undefined })).status, 403, 'an endpoint would choose a model')

    const lists = [
      '/v1/models',
      '/olla/models',
      '/olla/models?format=ollama',
      '/olla/models?format=lmstudio',
      '/olla/proxy/v1/models',
      '/olla/openai/v1/models',
      '/olla/ollama/api/tags',
      '/olla/ollama/v1/models',
      '/olla/anthropic/v1/models',
      '/api/tags',
    ]
    for (const path of lists) {
      const { status, text } = await get('llama', path)
      assert.equal(status, 200, path)
      for (const hidden of ['qwen3', 'secret-model', '"fast"'])
        assert.ok(!text.includes(hidden), `${path}: ${text}`)
    }
    assert.match((await get('llama', '/v1/models')).text, /llama3:8b/)
    assert.match((await get('alias', '/v1/models')).text, /"fast"/)
    assert.match((await get('all', '/v1/models')).text, /secret-model/)
    for (const path of ['/v1/models/qwen3', '/olla/models/qwen3', '/olla/anthropic/v1/models/qwen3'])
      assert.equal((await get('llama', path)).status, 404, path)
  })

  it('allows endpoints by name or tag only', async (t) => {
    const { chat, get, plain } = await start(t, {
      gpu: { endpoint_tags: ['gpu'] },
      none: { endpoints: include('absent') },
    })
    for (let count = 0; count < 6; count++) {
      const { status, endpoint } = await chat('gpu', { model: 'llama3:8b' })
      assert.deepEqual([status, endpoint], [200, 'tagged'])
    }
    assert.equal((await chat('gpu', { model: 'secret-model' })).status, 403)
    assert.equal((await chat('none', { model: 'llama3:8b' })).status, 403)
    assert.equal((await chat('gpu', { model: 'unknown' })).status, 404)
    assert.deepEqual(
      plain.calls.filter(({ path }) => path.endsWith('/completions')),
      [],
    )
    const { text } = await get('gpu', '/olla/models')
    assert.ok(text.includes('qwen3') && !text.includes('secret-model') && !text.includes('"plain"'), text)
  })

  it('does not let a fallback lead to a model that is not allowed', async (t) => {
    const { chat } = await start(
      t,
      { key: { models: include('missing') }, wide: { models: include('missing', 'qwen3') } },
      { model_fallbacks: { missing: ['qwen3'] } },
    )
    assert.equal((await chat('key', { model: 'missing' })).status, 403)
    assert.equal((await chat('wide', { model: 'missing' })).status, 200)
  })

  it('allows dialects, routes and networks', async (t) => {
    const { chat, get } = await start(t, {
      openai: { dialects: ['openai'] },
      chat: { routes: ['/v1/chat/completions'] },
      here: { networks: ['127.0.0.0/8'] },
      there: { networks: ['10.0.0.0/8'] },
    })
    const model = 'llama3:8b'
    assert.equal((await chat('openai', { model })).status, 200)
    assert.equal((await chat('openai', { model, max_tokens: 5 }, '/v1/messages')).status, 403)
    assert.equal((await chat('openai', { model }, '/api/chat')).status, 403)
    assert.equal((await chat('chat', { model }, '/olla/proxy/v1/chat/completions')).status, 200)
    assert.equal((await chat('chat', { model }, '/v1/completions')).status, 403)
    assert.equal((await get('chat', '/v1/models')).status, 403)
    assert.equal((await chat('here', { model })).status, 200)
    assert.equal((await chat('there', { model })).status, 403)
  })

  it('allows to manage some models only', async (t) => {
    const sections = { proxy: { management_endpoints: ['plain'] } }
    const { gateway, plain, keyOf } = await start(t, { llama: { models: include('llama*') } }, sections)
    const manage = async (method: string, path: string, body: object) => {
      const headers = bearer(keyOf('llama'))
      const response = await fetch(`${gateway.url}${path}`, { method, headers, body: JSON.stringify(body) })
      return response.status
    }
    for (const [method, path, body] of [
      ['DELETE', '/api/delete', { model: 'qwen3' }],
      ['POST', '/api/pull', { name: 'qwen3', model: 'llama3:8b' }],
      ['POST', '/api/copy', { source: 'qwen3', destination: 'llama4' }],
      ['POST', '/api/copy', { source: 'llama3:8b', destination: 'qwen3' }],
      ['POST', '/api/create', { model: 'llama4', from: 'qwen3' }],
    ] as const)
      assert.equal(await manage(method, path, body), 403, path)
    assert.deepEqual(
      plain.calls.filter(({ path }) => path !== '/api/version'),
      [],
    )
    assert.equal(await manage('POST', '/api/copy', { source: 'llama3:8b', destination: 'llama4' }), 200)
  })

  it('sets and caps parameters', async (t) => {
    const { chat, tagged } = await start(t, {
      key: { defaults: { temperature: 0.5 }, caps: { max_tokens: 64 } },
    })
    const model = 'qwen3'
    await chat('key', { model, max_tokens: 9999 })
    await chat('key', { model, temperature: 0 })
    await chat('key', { model, max_tokens: 9999 }, '/v1/messages')
    assert.deepEqual(
      tagged.calls.map(({ body }) => [body.max_tokens, body.temperature]),
      [
        [64, 0.5],
        [64, 0],
        [64, 0.5],
      ],
    )
  })
})
