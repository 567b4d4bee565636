import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import gateway, { parseConfig } from '../../src/index.ts'
import { chatBody } from '../support/gateway.ts'
import { hostServers } from '../support/host-servers.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

/** A service with everything of its own that a gateway could trip over. */
async function createHost(
  t: TestContext,
  lines: string[] = [],
  options: FastifyHttpOptions<Server> = {},
): Promise<FastifyInstance> {
  const app = Fastify({
    ...options,
    bodyLimit: 512,
    logger: {
      level: 'info',
      stream: new Writable({
        write(chunk, _encoding, done) {
          lines.push(String(chunk))
          done()
        },
      }),
    },
    ajv: { customOptions: { removeAdditional: 'all', coerceTypes: false } },
    routerOptions: { caseSensitive: false, ignoreTrailingSlash: true },
  })
  t.after(() => app.close())
  await app.register(
    fp(
      function hostPlugin(host, _options, done) {
        host.decorate('config', { secret: 's3' })
        host.decorate('stats', { hits: 0 })
        host.decorateRequest('session', undefined)
        host.decorateReply('answer', 42)
        done()
      },
      { name: 'host' },
    ),
  )
  // Every body becomes something else, JSON too.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, parsed) =>
    parsed(null, { host: String(body).length }),
  )
  app.setErrorHandler((error, _request, reply) => {
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
    void reply.code(status).send({ host: 'error' })
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ host: 'not found' }))
  app.setValidatorCompiler(() => () => ({ error: new Error('the host has its own schemas') }))
  app.setSerializerCompiler(() => () => '"host"')
  app.setReplySerializer(() => '{"host":"serialised"}')
  app.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization !== 'Bearer host') return reply.code(401).send({ host: 'who are you' })
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-host', '1')
  })
  app.post('/own', (request) => ({ parsed: request.body }))
  return app
}

const authorization = 'Bearer host'

function ask(url: string, body = chatBody(), headers: Record<string, string> = {}) {
  return fetch(`${url}/llm/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization, ...headers },
    body,
  })
}

async function serve(app: FastifyInstance): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

describe('in an app with its own hooks and handlers', () => {
  for (const [server, options] of hostServers)
    it(`works with its hooks, parsers, limits, serializers and handlers: ${server}`, async (t) => {
      const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
      const app = await createHost(t, [], options())
      const config = parseConfig({
        discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
      })
      await app.register(gateway, { prefix: '/llm', config })
      const url = await serve(app)
      await eventually(async () => (await ask(url)).status === 200)

      const long = await ask(
        url,
        JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(2_000) }] }),
      )
      assert.equal(long.status, 200, 'the host’s body limit is not the gateway’s')
      assert.match(await long.text(), /\[one\]/)

      const streamed = await ask(url, chatBody({ stream: true }))
      assert.equal(streamed.headers.get('content-type')?.split(';')[0], 'text/event-stream')
      assert.match(await streamed.text(), /data: \[DONE\]/)

      const refused = await ask(url, chatBody(), { authorization: 'Bearer wrong' })
      assert.equal(refused.status, 401, 'the host’s hooks come first')

      const unknown = await ask(url, chatBody({ model: 'nobody-has-this' }))
      const answer = (await unknown.json()) as { error?: { code?: string } }
      assert.equal(answer.error?.code, 'model_not_found')

      const status = await fetch(`${url}/llm/internal/status`, { headers: { authorization } })
      assert.equal(((await status.json()) as { endpoints?: unknown[] }).endpoints?.length, 1)
      const missing = await fetch(`${url}/llm/internal/nothing`, { headers: { authorization } })
      assert.equal(((await missing.json()) as { error?: { code?: string } }).error?.code, 'not_found')
    })

  it('leaves the app as it was', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const bare = await createHost(t)
    const app = await createHost(t)
    const config = parseConfig({
      discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
    })
    await app.register(gateway, { prefix: '/llm', config })
    const answers = async (host: FastifyInstance) => {
      const own = await host.inject({
        method: 'POST',
        url: '/own',
        headers: { authorization, 'content-type': 'application/json' },
        payload: '{"x":1}',
      })
      const missing = await host.inject({ url: '/nowhere', headers: { authorization } })
      const large = await host.inject({
        method: 'POST',
        url: '/own',
        headers: { authorization, 'content-type': 'application/json' },
        payload: 'x'.repeat(600),
      })
      return [own, missing, large].map(({ statusCode, body, headers }) => {
        const { date: _date, ...rest } = headers
        return { statusCode, body, headers: rest }
      })
    }
    await Promise.all([bare.ready(), app.ready()])
    assert.deepEqual(await answers(app), await answers(bare))
    const decorators = (host: FastifyInstance) => Object.keys(host).sort()
    assert.deepEqual(decorators(app), decorators(bare))
    for (const name of ['endpointRegistry', 'proxyEngine', 'gatewayStats', 'upstreamPools', 'modelRouter'])
      assert.equal(app.hasDecorator(name), false, name)
    assert.equal(app.hasRequestDecorator('gateway'), false)
  })

  it('logs with the app’s logger', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
    const lines: string[] = []
    const app = await createHost(t, lines)
    const config = parseConfig({
      discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
    })
    await app.register(gateway, { prefix: '/llm', config })
    const url = await serve(app)
    await eventually(async () => (await ask(url)).status === 200)
    await eventually(() => lines.some((line) => line.includes('"request"') && line.includes('"model":"m"')))
  })

  for (const [server, options] of hostServers)
    it(`closes with the app and leaves nothing open: ${server}`, async (t) => {
      const simulator = await withSimulator(t, { kind: 'vllm', name: 'one', models: ['m'] })
      const app = await createHost(t, [], options())
      const config = parseConfig({
        discovery: { static: { endpoints: [{ url: simulator.url, type: 'vllm' }] } },
      })
      await app.register(gateway, { prefix: '/a', config })
      await app.register(gateway, { prefix: '/llm', config })
      const url = await serve(app)
      await eventually(async () => (await ask(url)).status === 200)
      await app.close()
      const { hostname, port } = new URL(url)
      const socket = connect(Number(port), hostname)
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
      assert.equal(error.code, 'ECONNREFUSED')
      await eventually(() => simulator.control.counters().openSockets === 0)
    })

  it('leaves no handle, so that the process exits', { timeout: 20_000 }, async () => {
    const script = fileURLToPath(new URL('fixtures/close-by-itself.ts', import.meta.url))
    // One that does not end is killed, which rejects.
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 15_000 })
    assert.equal(stdout, 'closed\n')
  })
})
