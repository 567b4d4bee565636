import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import { parseConfig } from '../../src/config/load.ts'
import gateway from '../../src/gateway.ts'
import { rawExchange, startGateway } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

const cors = 'Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: X\r\n'

async function start(t: TestContext, sections: Record<string, Record<string, unknown>> = {}) {
  const upstream = await startRawUpstream(
    t,
    ({ socket }) => void socket.write(jsonAnswer('{"data":[{"id":"m"}]}', { headers: cors })),
  )
  const running = await startGateway(t, [{ url: upstream.url }], sections)
  /** @param headers `PORT` in a value stands for the gateway's own */
  const ask = async (line: string, headers: Record<string, string>) => {
    const before = upstream.requests.length
    const body = line.startsWith('POST ') ? '{"model":"m"}' : ''
    const fields = Object.entries({ Host: 'localhost:PORT', ...headers })
      .map(([name, value]) => `${name}: ${value.replace('PORT', String(running.port))}\r\n`)
      .join('')
    const length = body === '' ? '' : `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n`
    const text = await rawExchange(
      running.port,
      `${line} HTTP/1.1\r\n${fields}Connection: close\r\n${length}\r\n${body}`,
    )
    const header = (name: string) => new RegExp(`^${name}: (.*?)\r$`, 'im').exec(text)?.[1]
    return { status: Number(text.split(' ')[1]), text, header, sent: upstream.requests.slice(before) }
  }
  return { ask, upstream, running }
}

const cross = { Origin: 'http://evil.example', 'Sec-Fetch-Site': 'cross-site' }
const rebound = { Host: 'evil.example:PORT', Origin: 'http://evil.example:PORT' }
const local = { Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'same-site' }
const preflight = {
  'Access-Control-Request-Method': 'POST',
  'Access-Control-Request-Headers': 'content-type,x-a',
}
const mounts = [
  ...['/v1/chat/completions', '/v1/messages', '/v1/embeddings', '/api/chat', '/api/generate', '/api/show'],
  ...['/olla/proxy/v1/chat/completions', '/olla/openai/v1/chat/completions', '/olla/anthropic/v1/messages'],
  ...['/v1/messages/count_tokens', '/olla/proxy/api/pull', '/nothing'],
]

for (const engine of engines) {
  for (const http_server of ['own', 'node']) {
    describe(`pages with the ${engine} engine and the ${http_server} server`, () => {
      it('of other sites and under rebound names reach no endpoint on any mount', async (t) => {
        const { ask } = await start(t, { proxy: engineOf(engine), server: { http_server } })
        for (const headers of [cross, rebound]) {
          for (const path of mounts) {
            const { status, text, sent, header } = await ask(`POST ${path}`, headers)
            assert.deepEqual([status, sent.length], [403, 0], `${path} ${JSON.stringify(headers)}`)
            assert.match(text, /server\.(?:cors|allowed_hosts)/)
            assert.equal(header('access-control-allow-origin'), undefined)
          }
          for (const path of ['/v1/models', '/api/tags', '/olla/models', '/internal/status', '/version']) {
            assert.equal((await ask(`GET ${path}`, headers)).status, 403, path)
          }
          for (const path of ['/v1/models', '/v1/chat/completions', '/olla/proxy/x', '/internal/status']) {
            const { status, sent, header } = await ask(`OPTIONS ${path}`, { ...headers, ...preflight })
            assert.deepEqual([status, sent.length], [403, 0], path)
            assert.equal(header('access-control-allow-origin'), undefined)
          }
        }
      })

      it('are not checked on probes and on routes with their own name check', async (t) => {
        const { ask } = await start(t, { proxy: engineOf(engine), server: { http_server } })
        assert.equal((await ask('GET /internal/health', { Host: 'llm.example.com' })).status, 200)
        assert.match(
          (await ask('GET /internal/requests', { Host: 'llm.example.com' })).text,
          /403 forbidden: host not accepted \(llm\.example\.com\)/,
        )
        const absolute = (host: string) => ask('GET http://localhost/internal/requests', { Host: host })
        assert.match(
          (await absolute('evil.example')).text,
          /403 forbidden: host not accepted \(evil\.example\)/,
        )
        assert.equal((await absolute('localhost')).status, 200)
      })

      it("of this machine's programs send requests and read answers", async (t) => {
        const { ask } = await start(t, { proxy: engineOf(engine), server: { http_server } })
        for (const path of ['/v1/models', '/v1/chat/completions', '/olla/proxy/x']) {
          const { status, sent, header } = await ask(`OPTIONS ${path}`, { ...local, ...preflight })
          assert.deepEqual([status, sent.length], [204, 0], path)
          assert.equal(header('access-control-allow-origin'), 'http://localhost:3000')
          assert.equal(header('access-control-allow-headers'), 'content-type,x-a')
        }
        const { status, sent, text, header } = await ask('POST /v1/chat/completions', local)
        assert.deepEqual([status, sent.length], [200, 1])
        assert.doesNotMatch(sent[0]?.head ?? '', /^origin:/im)
        assert.equal(text.match(/^access-control-allow-origin:/gim)?.length, 1)
        assert.equal(header('access-control-allow-origin'), 'http://localhost:3000')
        assert.match(header('access-control-expose-headers') ?? '', /X-Olla-Endpoint, /)
        const list = await ask('GET /v1/models', local)
        assert.equal(list.header('access-control-allow-origin'), 'http://localhost:3000')
        assert.equal(
          (await ask('GET /internal/status', local)).header('access-control-allow-origin'),
          undefined,
        )
        const status2 = await ask('OPTIONS /internal/status', { ...local, ...preflight })
        assert.equal(status2.status, 403)
      })

      it('are not checked for programs and for proxies on this machine', async (t) => {
        const { ask } = await start(t, { proxy: engineOf(engine), server: { http_server } })
        const name = { Host: 'llm.example.com' }
        for (const headers of [
          {},
          { Host: '127.0.0.1' },
          { ...name, 'X-Forwarded-For': '203.0.113.9' },
          { ...name, Origin: 'https://llm.example.com', 'Sec-Fetch-Site': 'same-origin' },
        ]) {
          const { status, sent, header } = await ask('POST /v1/chat/completions', headers)
          assert.deepEqual([status, sent.length], [200, 1], JSON.stringify(headers))
          assert.equal(header('access-control-allow-origin'), undefined)
        }
        const options = await ask('OPTIONS /olla/proxy/x', {})
        assert.deepEqual([options.status, options.sent.length], [200, 1])
      })
    })
  }
}

describe('the check of browsers', () => {
  it('allows the configured origins and hosts', async (t) => {
    const { ask } = await start(t, {
      server: {
        allowed_hosts: ['evil.example'],
        cors: { enabled: true, allowed_origins: ['https://*.app.example'] },
      },
    })
    const origin = { Origin: 'https://a.app.example', 'Sec-Fetch-Site': 'cross-site' }
    const allowed = await ask('POST /v1/chat/completions', origin)
    assert.equal(allowed.status, 200)
    assert.equal(allowed.header('access-control-allow-origin'), 'https://a.app.example')
    assert.equal((await ask('OPTIONS /v1/models', { ...origin, ...preflight })).status, 200)
    assert.equal((await ask('POST /v1/chat/completions', rebound)).status, 200)
    assert.equal((await ask('POST /v1/chat/completions', cross)).status, 403)
    const refused = await ask('OPTIONS /v1/models', { ...cross, ...preflight })
    assert.deepEqual([refused.status, refused.sent.length], [403, 0])
    // Not refused, but what CORS does not name may read nothing.
    const here = await ask('POST /v1/chat/completions', local)
    assert.deepEqual([here.status, here.header('access-control-allow-origin')], [200, undefined])
    assert.equal((await ask('OPTIONS /v1/models', { ...local, ...preflight })).status, 403)
  })

  it('leaves the decision to endpoints if it is off, as in Olla', async (t) => {
    const { ask } = await start(t, { server: { browser_check: false } })
    for (const headers of [cross, rebound, { ...rebound, ...cross }]) {
      const { status, sent, header } = await ask('POST /v1/chat/completions', headers)
      assert.deepEqual([status, sent.length], [200, 1])
      assert.match(sent[0]?.head ?? '', /^origin: http:\/\/evil\.example/im)
      assert.equal(header('access-control-allow-origin'), '*')
    }
    const { sent } = await ask('OPTIONS /v1/chat/completions', { ...cross, ...preflight })
    assert.equal(sent.length, 1)
  })

  it('speaks the dialect of the API', async (t) => {
    const { ask } = await start(t)
    assert.match((await ask('POST /v1/chat/completions', cross)).text, /"code":"forbidden"/)
    assert.match((await ask('POST /v1/messages', cross)).text, /"type":"permission_error"/)
    assert.match(
      (await ask('POST /api/chat', cross)).text,
      /\{"error":"Pages of http:\/\/evil\.example are not/,
    )
  })

  it("does not affect a host's own routes and decisions", async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    app.addHook('onRequest', async ({ headers }, reply) => {
      if (headers.origin === 'https://known.example')
        reply.header('Access-Control-Allow-Origin', headers.origin)
    })
    app.post('/own', () => 'ok')
    await app.register(gateway, { prefix: '/llm', config: parseConfig({}) })
    const post = async (url: string, origin: string) =>
      (await app.inject({ method: 'POST', url, headers: { origin } })).statusCode
    assert.equal(await post('/own', 'http://evil.example'), 200)
    assert.equal(await post('/llm/v1/chat/completions', 'http://evil.example'), 403)
    assert.notEqual(await post('/llm/v1/chat/completions', 'https://known.example'), 403)
  })
})
