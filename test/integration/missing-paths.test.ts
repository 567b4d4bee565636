import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import {
  type ScriptedAnswer,
  type ScriptedCall,
  startScriptedEndpoint,
} from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

const fastApi: ScriptedAnswer = { status: 404, body: { detail: 'Not Found' } }
const llamaCpp: ScriptedAnswer = {
  status: 404,
  body: { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } },
}
const lacks: readonly (readonly [string, string, ScriptedAnswer])[] = [
  ['FastAPI', '/v1/responses', fastApi],
  ['llama.cpp', '/api/chat', llamaCpp],
  ['Go', '/v1/rerank', { status: 404, body: '404 page not found' }],
  ['Express', '/v1/audio/speech', { status: 404, body: '<pre>Cannot POST /v1/audio/speech</pre>' }],
  ['an empty body', '/v1/embeddings', { status: 404, body: '' }],
  ['405', '/v1/completions', { status: 405, body: { detail: 'Method Not Allowed' } }],
  [
    '501',
    '/v1/embeddings',
    {
      status: 501,
      body: {
        error: {
          code: 501,
          message: 'This server does not support embeddings. Start it with `--embeddings`',
        },
      },
    },
  ],
  ['LM Studio', '/v1/rerank', { body: { error: 'Unexpected endpoint or method. (POST /v1/rerank)' } }],
]
const good: ScriptedAnswer = { body: { model: 'm', results: [], choices: [], output: [], data: [{}] } }

async function fleet(
  t: TestContext,
  engine: string,
  answers: readonly ((call: ScriptedCall) => ScriptedAnswer)[],
  type = 'openai-compatible',
) {
  const servers = await Promise.all(answers.map((answer) => startScriptedEndpoint(t, ['m'], answer)))
  const gateway = await startGateway(
    t,
    servers.map(({ url }, at) => ({ url, name: `e${at}`, type })),
    { proxy: { ...engineOf(engine), load_balancer: 'round-robin', translation: { enabled: false } } },
  )
  const post = (path: string, body: object = {}) =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', input: 'x', ...body }),
    })
  return { servers, gateway, post }
}

for (const engine of engines) {
  describe(`a path that an endpoint does not have (${engine})`, () => {
    for (const [name, path, lacking] of lacks) {
      if (engine !== 'olla' && name !== 'FastAPI') continue
      it(`as reported by ${name} at ${path}, triggers failover and is remembered`, async (t) => {
        const { servers, gateway, post } = await fleet(t, engine, [() => lacking, () => lacking, () => good])
        for (let request = 0; request < 8; request++) {
          const response = await post(path)
          assert.equal(response.status, 200)
          assert.equal(response.headers.get('x-olla-endpoint'), 'e2')
          await response.text()
        }
        assert.ok((servers[0]?.calls.length ?? 9) <= 1)
        assert.ok((servers[1]?.calls.length ?? 9) <= 1)
        for (const row of await gateway.status()) assert.equal(row.status, 'healthy')
      })
    }
  })
}

describe('a path that no endpoint has', () => {
  const embeddings: ScriptedAnswer = {
    status: 501,
    body: {
      error: {
        code: 501,
        message: 'This server does not support embeddings. Start it with `--embeddings`',
      },
    },
  }

  it("is the gateway’s own error in the client's dialect after one attempt per endpoint", async (t) => {
    const { servers, post } = await fleet(t, 'olla', [
      ({ path }) => (path === '/v1/embeddings' ? embeddings : llamaCpp),
      () => fastApi,
    ])
    for (const path of ['/v1/rerank', '/v1/rerank', '/v1/rerank', '/v1/embeddings', '/v1/embeddings']) {
      const response = await post(path)
      assert.equal(response.status, 404)
      const { error } = (await response.json()) as { error: { code: string; message: string } }
      assert.equal(error.code, 'path_not_served')
      assert.equal(response.headers.get('x-olla-routing-reason'), 'path_not_served')
      assert.match(error.message, new RegExp(`"m" serves ${path}. Tried: `))
      if (path === '/v1/embeddings') assert.match(error.message, /Start it with `--embeddings`/)
    }
    const asked = servers.flatMap(({ calls }) => calls.filter(({ path }) => path === '/v1/rerank'))
    assert.equal(asked.length, 2)
    const ollama = await post('/api/chat', { messages: [] })
    assert.equal(ollama.status, 404)
    assert.equal(typeof ((await ollama.json()) as { error: unknown }).error, 'string')
  })

  for (const path of ['/v1/rerank', '/v1/embeddings']) {
    it(`is served as soon as the server has it: ${path}`, async (t) => {
      let answer = fastApi
      const { post } = await fleet(t, 'olla', [() => answer])
      assert.equal((await post(path)).status, 404)
      answer = good
      const deadlineMs = Date.now() + 60_000
      let status = 0
      while (status !== 200 && Date.now() < deadlineMs) {
        const response = await post(path)
        status = response.status
        await response.text()
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      assert.equal(status, 200)
    })
  }
})

describe('a path that one model of an endpoint does not have', () => {
  const answers: readonly (readonly [string, ScriptedAnswer])[] = [
    [
      '501',
      { status: 501, body: { error: { code: 501, message: 'This server does not support embeddings.' } } },
    ],
    ['404', fastApi],
    ['405', { status: 405, body: '' }],
  ]
  for (const [name, lacking] of answers) {
    it(`stays open for the others (${name})`, async (t) => {
      const server = await startScriptedEndpoint(t, ['chat', 'embed', 'third'], ({ body }) =>
        body.model === 'chat' ? lacking : good,
      )
      const gateway = await startGateway(t, [{ url: server.url, name: 'swap' }])
      const ask = async (path: string, model: string) => {
        const response = await fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model, input: 'x' }),
        })
        await response.text()
        return response.status
      }
      for (const path of ['/v1/embeddings', '/v1/rerank']) {
        for (let request = 0; request < 3; request++) assert.equal(await ask(path, 'chat'), 404)
        for (const model of ['embed', 'third', 'embed']) assert.equal(await ask(path, model), 200)
      }
    })
  }
})

describe('a 404 that does not concern the path', () => {
  it('for a model triggers failover and a new model list', async (t) => {
    const gone = { status: 404, body: { error: 'model "m" not found, try pulling it first' } }
    const { servers, post } = await fleet(t, 'olla', [() => gone, () => good], 'ollama')
    const [first] = servers
    assert.ok(first)
    first.models = []
    // The list is fresh for a moment after the start.
    for (let tries = 0; tries < 40; tries++) {
      const response = await post('/v1/chat/completions', { messages: [] })
      assert.equal(response.status, 200)
      await response.text()
      if (tries > 0 && first.lists > 1) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    // What kind of server has no models is looked for by GET.
    const chats = () => first.calls.filter(({ method }) => method === 'POST').length
    const asked = chats()
    for (let request = 0; request < 4; request++) await (await post('/v1/chat/completions')).text()
    assert.ok(chats() <= asked + 1)
  })

  it('for a stored response triggers failover and is not remembered', async (t) => {
    const missing = (id: string) => ({
      status: 404,
      body: {
        error: { message: `Response with id '${id}' not found.`, type: 'invalid_request_error', code: 404 },
      },
    })
    const { gateway, servers } = await fleet(t, 'olla', [
      () => missing('resp_1'),
      ({ path }) => (path.endsWith('resp_1') ? good : missing('resp_2')),
    ])
    for (let request = 0; request < 4; request++) {
      const found = await fetch(`${gateway.url}/v1/responses/resp_1`)
      assert.equal(found.status, 200)
      await found.text()
    }
    const none = await fetch(`${gateway.url}/v1/responses/resp_2`)
    assert.equal(none.status, 404)
    assert.match(await none.text(), /not found/)
    assert.ok((servers[0]?.calls.length ?? 0) >= 2)
  })
})
