import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import gateway, { parseConfig } from '../../src/index.ts'
import { chatBody } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

describe('in another app', () => {
  it('serves under two prefixes without leaking into the app', async (t) => {
    const one = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const two = await withSimulator(t, { kind: 'ollama', name: 'two', models: ['m'] })
    const configFor = (url: string, type: string) =>
      parseConfig({ discovery: { static: { endpoints: [{ url, type }] } } })
    const app = Fastify()
    t.after(() => app.close())
    app.post('/own', (request) => ({ parsed: request.body }))
    await app.register(gateway, { prefix: '/a', config: configFor(one.url, 'vllm') })
    await app.register(gateway, { prefix: '/b', config: configFor(two.url, 'ollama') })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const address = app.server.address()
    const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    const ask = async (prefix: string, path = '/v1/chat/completions') => {
      const response = await fetch(`${base}${prefix}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: chatBody(),
      })
      return { status: response.status, text: await response.text() }
    }
    for (const [prefix, name] of [
      ['/a', 'one'],
      ['/b', 'two'],
    ] as const) {
      await eventually(async () => (await ask(prefix)).status === 200)
      assert.match((await ask(prefix)).text, new RegExp(`\\[${name}\\]`))
      assert.match((await ask(prefix, '/olla/openai/v1/chat/completions')).text, new RegExp(`\\[${name}\\]`))
    }
    assert.equal((await fetch(`${base}/internal/health`)).status, 404)

    const own = await fetch(`${base}/own`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"x":1}',
    })
    assert.deepEqual(await own.json(), { parsed: { x: 1 } })
    assert.equal(own.headers.get('x-olla-request-id'), null)
    for (const name of ['endpointRegistry', 'proxyEngine', 'gatewayStats', 'upstreamPools']) {
      assert.equal(app.hasDecorator(name), false, name)
    }
    const notFound = (await (await fetch(`${base}/nowhere`)).json()) as { message?: string }
    assert.match(notFound.message ?? '', /Route GET:\/nowhere not found/)
  })

  it('works with inject', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const app = Fastify()
    t.after(() => app.close())
    const config = parseConfig({
      discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
    })
    await app.register(gateway, { config })
    await app.ready()
    await eventually(async () => (await app.inject('/internal/ready')).statusCode === 200)
    const ask = () =>
      app.inject({
        method: 'POST',
        url: '/v1/chat/completions',
        headers: { 'content-type': 'application/json' },
        payload: chatBody({ max_tokens: 2 }),
      })
    await eventually(async () => (await ask()).statusCode === 200)
    assert.match((await ask()).body, /\[one\]/)
  })

  it('keeps no upload that a hook of the host refuses', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const app = Fastify()
    t.after(() => app.close())
    app.addHook('preHandler', async ({ method }, reply) => {
      if (method === 'POST') return reply.code(403).send('refused')
    })
    const config = parseConfig({
      discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
    })
    await app.register(gateway, { config })
    const payload = new FormData()
    payload.append('model', 'm')
    payload.append('file', new Blob([Buffer.alloc(500_000)]))
    const { statusCode } = await app.inject({ method: 'POST', url: '/v1/audio/transcriptions', payload })
    assert.equal(statusCode, 403)
    const { memory } = (await app.inject('/internal/process')).json() as { memory: { buffered: string } }
    assert.equal(memory.buffered, '0 B')
  })

  it("uses the endpoint that the host prefers, and keeps the host's refusals", async (t) => {
    const one = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const two = await withSimulator(t, { kind: 'vllm', name: 'two', models: ['m'] })
    const app = Fastify()
    t.after(() => app.close())
    app.decorate('requestAffinity', {
      prefer: (_request, candidates) => candidates.find(({ endpoint }) => endpoint.name === 'second'),
      answered: ({ context }, { endpoint }) => void context.headers.push('X-Pinned', endpoint.name),
    })
    app.addHook('onRequest', async (request, reply) => {
      if (request.headers.authorization === 'nobody') return reply.code(401).send({ own: true })
    })
    const config = parseConfig({
      discovery: {
        static: {
          endpoints: [
            { url: one.url, name: 'first', type: 'vllm', priority: 200 },
            { url: two.url, name: 'second', type: 'vllm' },
          ],
        },
      },
    })
    await app.register(gateway, { config })
    await app.ready()
    const ask = (headers: Record<string, string> = {}) =>
      app.inject({
        method: 'POST',
        url: '/v1/chat/completions',
        headers: { 'content-type': 'application/json', ...headers },
        payload: chatBody({ max_tokens: 2 }),
      })
    await eventually(async () => (await ask()).headers['x-pinned'] === 'second')
    const refused = await ask({ authorization: 'nobody' })
    assert.deepEqual([refused.statusCode, refused.json()], [401, { own: true }])
  })

  it('keeps serving and logs it if the host’s functions throw', { timeout: 20_000 }, async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const lines: string[] = []
    const app = Fastify({ logger: { stream: { write: (line) => void lines.push(line) } } })
    t.after(() => app.close())
    const fail = () => {
      throw new Error('mine')
    }
    app.decorate('answerObserver', () => ({ push: fail, end: fail }))
    app.decorate('requestAffinity', { prefer: fail, answered: fail, observe: fail })
    const config = parseConfig({
      discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
    })
    await app.register(gateway, { config })
    await app.ready()
    const ask = (more: Record<string, unknown> = {}) =>
      app.inject({
        method: 'POST',
        url: '/v1/chat/completions',
        headers: { 'content-type': 'application/json' },
        payload: chatBody({ max_tokens: 2, ...more }),
      })
    await eventually(async () => (await app.inject('/internal/ready')).statusCode === 200)
    await eventually(async () => (await ask()).statusCode === 200)
    assert.match((await ask({ stream: true })).body, /data: \[DONE\]/)
    const parts = lines.flatMap(
      (line) => /"part":"([^"]+)","msg":"a hook of the host application threw"/.exec(line)?.[1] ?? [],
    )
    assert.deepEqual([...new Set(parts)].sort(), [
      'answerObserver',
      'requestAffinity.answered',
      'requestAffinity.observe',
      'requestAffinity.prefer',
    ])
  })
})
