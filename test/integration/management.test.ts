import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { rawExchange, startGateway } from '../support/gateway.ts'
import { jsonAnswer, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

async function withKey(
  t: TestContext,
  proxy: Record<string, unknown>,
  endpoint: Record<string, unknown> = {},
) {
  const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{"ok":true}')))
  const gateway = await startGateway(
    t,
    [
      {
        url: upstream.url,
        type: 'litellm',
        health_check_url: '/health',
        auth: { type: 'bearer', token: 'MASTER' },
        ...endpoint,
      },
    ],
    { proxy },
  )
  const send = async (line: string) => {
    upstream.requests.length = 0
    const answer = await rawExchange(
      gateway.port,
      `${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"model":"m"}`,
    )
    return {
      status: Number(answer.split(' ')[1]),
      answer,
      arrived: upstream.requests.map(({ head }) => head),
    }
  }
  return { upstream, gateway, send }
}

for (const engine of engines) {
  describe(`management of endpoints behind the ${engine} engine`, () => {
    it('is refused by operation on every mount and in any spelling', async (t) => {
      const { send } = await withKey(t, engineOf(engine))
      for (const line of [
        ...['DELETE /api/delete', 'DELETE /api/delete/', 'DELETE /api/%64elete', 'DELETE /api/Delete'],
        ...[
          'DELETE /api/delete;x',
          'DELETE /api/delete%20',
          'POST /api/blobs/sha256:00',
          'POST /api/pull?x=1',
        ],
        ...[
          'DELETE /olla/proxy/api/delete',
          'DELETE /olla/litellm/api%2fdelete',
          'POST /olla/openai/api/create',
        ],
        ...['POST /v1/load_lora_adapter', 'POST /olla/litellm/key/generate', 'GET /olla/proxy/model/info'],
        ...['POST /olla/proxy/slots/0?action=erase', 'POST /olla/proxy/Shutdown', 'DELETE /v1/models/m'],
      ]) {
        const { status, arrived } = await send(line)
        assert.deepEqual([status, arrived.length], [501, 0], line)
      }
      const { answer } = await send('POST /api/pull')
      assert.match(answer, /\{"error":"model management operations not supported by proxy"/)
    })

    it('sends credentials only with inference and model lists', async (t) => {
      const { send } = await withKey(t, engineOf(engine))
      for (const [line, hasKey] of [
        ['POST /v1/chat/completions', true],
        ['POST /olla/litellm/embeddings', true],
        ['GET /olla/litellm/models', true],
        ['GET /olla/litellm/health/readiness', false],
        ['GET /olla/litellm/model_group/info', false],
        ['POST /olla/proxy/whatever', false],
      ] as const) {
        const { status, arrived } = await send(line)
        assert.deepEqual([status, arrived.length], [200, 1], line)
        assert.equal(/^authorization: bearer master/im.test(arrived[0] ?? ''), hasKey, line)
      }
    })

    it('is forwarded with credentials if the configuration allows it', async (t) => {
      const { send } = await withKey(t, { ...engineOf(engine), management: true })
      for (const line of [
        'DELETE /api/delete',
        'POST /olla/litellm/key/generate',
        'GET /olla/litellm/metrics',
      ]) {
        const { status, arrived } = await send(line)
        assert.equal(status, 200, line)
        assert.match(arrived[0] ?? '', /^authorization: bearer master/im, line)
      }
    })

    it('is refused if the base path of an endpoint makes it one', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      const gateway = await startGateway(
        t,
        [
          {
            url: `${upstream.url}/api`,
            preserve_path: true,
            health_check_url: `${upstream.url}/health`,
            model_url: `${upstream.url}/v1/models`,
          },
        ],
        { proxy: engineOf(engine) },
      )
      const post = (path: string) => fetch(`${gateway.url}${path}`, { method: 'POST', body: '{"model":"m"}' })
      assert.equal((await post('/olla/proxy/create')).status, 501)
      assert.equal(upstream.requests.length, 0)
      assert.equal((await post('/olla/proxy/chat')).status, 200)
      assert.match(upstream.requests[0]?.head ?? '', /^POST \/api\/chat /)
    })
  })
}

describe('other requests that go to no endpoint', () => {
  it('are TRACE and WebSockets', async (t) => {
    const { send, gateway, upstream } = await withKey(t, {})
    for (const path of ['/v1/chat/completions', '/olla/proxy/x', '/internal/health', '/nothing']) {
      const { status, answer, arrived } = await send(`TRACE ${path}`)
      assert.deepEqual([status, arrived.length], [405, 0], path)
      assert.match(answer, /^allow: GET, /im)
    }
    const upgraded = await rawExchange(
      gateway.port,
      'GET /v1/realtime?model=m HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n',
    )
    assert.match(upgraded, /^HTTP\/1\.1 501 /)
    assert.equal(upstream.requests.length, 0)
  })
})

describe('headers of a hop', () => {
  it('are not forwarded if the gateway handles CORS', async (t) => {
    const cors = 'Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: X\r\n'
    const upstream = await startRawUpstream(
      t,
      ({ socket }) => void socket.write(jsonAnswer('{}', { headers: cors })),
    )
    const allowed = 'https://app.example'
    const gateway = await startGateway(t, [{ url: upstream.url }], {
      server: { cors: { enabled: true, allowed_origins: [allowed] } },
    })
    for (const origin of [allowed, 'https://other.example']) {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { origin, 'content-type': 'application/json' },
        body: '{"model":"m"}',
      })
      assert.equal(response.status, origin === allowed ? 200 : 403)
      assert.equal(response.headers.get('access-control-allow-origin'), origin === allowed ? origin : null)
      assert.equal(response.headers.get('access-control-allow-methods'), null)
    }
    const chats = upstream.requests.filter(({ head }) => head.startsWith('POST '))
    assert.equal(chats.length, 1)
    assert.doesNotMatch(chats[0]?.head ?? '', /^origin:/im)
  })

  it("are not forwarded in an endpoint's URLs", async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => {
      const location = `Location: ${upstream.url}/v1/other\r\nContent-Location: http://10.1.2.3/x\r\n`
      socket.write(jsonAnswer('{}', { status: '201 Created', headers: location }))
    })
    const gateway = await startGateway(t, [{ url: upstream.url }])
    const response = await fetch(`${gateway.url}/olla/openai/v1/batches`, {
      method: 'POST',
      body: '{"model":"m"}',
    })
    assert.equal(response.headers.get('location'), '/olla/openai/v1/other')
    assert.equal(response.headers.get('content-location'), null)
  })
})
