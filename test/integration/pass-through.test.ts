import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { chatBody, postChat, rawExchange, startGateway } from '../support/gateway.ts'
import { chunk, jsonAnswer, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`pass-through of the ${engine} engine`, () => {
    const proxy = engineOf(engine)

    it('forwards a body byte for byte, with its length and without chunking', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{"ok":true}')))
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy })
      const body = '{ "seed": 9223372036854775807,\n "zzz":1, "model":"m","unknown":{"b":1,"a":2.50} }'
      const response = await fetch(`${gateway.url}/olla/proxy/v1/chat/completions?x=1&x=2`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      assert.equal(response.status, 200)
      const [request] = upstream.requests
      assert.equal(request?.body.toString(), body)
      assert.match(request?.head ?? '', /^POST \/v1\/chat\/completions\?x=1&x=2 HTTP\/1\.1/)
      assert.match(request?.head ?? '', new RegExp(`content-length: ${Buffer.byteLength(body)}`, 'i'))
      assert.doesNotMatch(request?.head ?? '', /transfer-encoding/i)
    })

    it('keeps the answer as it is: status, type, length, bytes', async (t) => {
      const bytes = randomBytes(3000)
      const upstream = await startRawUpstream(t, ({ socket }) => {
        socket.write(
          `HTTP/1.1 206 Partial Content\r\nContent-Type: audio/mpeg\r\nContent-Length: ${bytes.length}\r\nX-Custom: kept\r\nSet-Cookie: a=b\r\nX-Olla-Endpoint: spoofed\r\n\r\n`,
        )
        socket.write(bytes)
      })
      const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], { proxy })
      const response = await postChat(gateway.url)
      assert.equal(response.status, 206)
      assert.equal(response.headers.get('content-type'), 'audio/mpeg')
      assert.equal(response.headers.get('content-length'), String(bytes.length))
      assert.equal(response.headers.get('x-custom'), 'kept')
      assert.equal(response.headers.get('set-cookie'), null)
      assert.equal(response.headers.get('x-olla-endpoint'), 'box')
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes)
    })

    it('names the endpoint that answered', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], { proxy })
      const response = await postChat(
        gateway.url,
        {},
        {
          method: 'POST',
          body: chatBody(),
          headers: { 'content-type': 'application/json', 'x-request-id': 'my-id' },
        },
      )
      const headers = Object.fromEntries(response.headers)
      assert.equal(headers['x-olla-request-id'], 'my-id')
      assert.equal(headers['x-olla-endpoint'], 'box')
      assert.equal(headers['x-olla-backend-type'], 'openai-compatible')
      assert.equal(headers['x-olla-model'], 'm')
      assert.match(headers['x-olla-response-time'] ?? '', /^\d+ms$/)
      assert.equal(headers['x-olla-routing-strategy'], 'strict')
      assert.equal(headers['x-olla-routing-decision'], 'routed')
      assert.equal(headers['x-olla-routing-reason'], 'model_found')
      assert.match(headers['x-served-by'] ?? '', /^Olla\//)
      assert.match(headers.via ?? '', /^1\.1 olla\//)
    })

    it('reports its own time on request', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy })
      const headers = { 'content-type': 'application/json' }
      const asked = await postChat(gateway.url, {}, { headers: { ...headers, 'x-olla-overhead': '1' } })
      assert.match(asked.headers.get('x-olla-overhead') ?? '', /^\d+\.\d{3}ms$/)
      assert.doesNotMatch(upstream.requests[0]?.head ?? '', /x-olla-overhead/i)
      const unasked = await postChat(gateway.url, {}, { headers })
      assert.equal(unasked.headers.get('x-olla-overhead'), null)
    })

    it('replaces credentials and forwarding headers', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      const gateway = await startGateway(
        t,
        [
          {
            url: upstream.url,
            auth: { type: 'bearer', token: 'upstream-secret' },
            headers: { 'X-Team': 'blue' },
          },
        ],
        { proxy },
      )
      await postChat(
        gateway.url,
        {},
        {
          body: chatBody(),
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: 'Bearer client-secret',
            'x-api-key': 'client-key',
            cookie: 'c=1',
            'x-forwarded-for': '9.9.9.9',
          },
        },
      )
      const head = upstream.requests[0]?.head ?? ''
      assert.doesNotMatch(head, /client-secret|client-key|cookie/i)
      assert.match(head, /authorization: Bearer upstream-secret/i)
      assert.match(head, /x-team: blue/i)
      assert.equal(head.match(/^x-forwarded-for:.*$/gim)?.length, 1)
      assert.doesNotMatch(head, /9\.9\.9\.9.*9\.9\.9\.9/)
    })

    it('forwards each chunk of a stream on arrival', async (t) => {
      let next: (() => void) | undefined
      const upstream = await startRawUpstream(t, ({ socket }) => {
        socket.write(sseHead + chunk('data: 1\n\n'))
        next = () => void socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`)
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy })
      const response = await postChat(gateway.url, { stream: true })
      assert.equal(response.headers.get('content-type'), 'text/event-stream')
      assert.equal(response.headers.get('x-accel-buffering'), 'no')
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
      assert.equal((await reader?.read())?.value, 'data: 1\n\n')
      next?.()
      assert.equal((await reader?.read())?.value, 'data: [DONE]\n\n')
      assert.equal((await reader?.read())?.done, true)
    })

    it('waits for the final answer after interim ones', async (t) => {
      const interim = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nX-Interim: 1\r\n\r\n'
      const upstream = await startRawUpstream(t, ({ socket }) => {
        socket.write(`${interim}${interim}${jsonAnswer('{"ok":true}')}`)
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy })
      const response = await postChat(gateway.url)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-interim'), null)
      assert.equal(await response.text(), '{"ok":true}')
    })

    it('passes any method, and HEAD without a body', async (t) => {
      const upstream = await startRawUpstream(t, ({ head, socket }) => {
        const method = head.split(' ')[0] ?? ''
        socket.write(
          method === 'HEAD'
            ? 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n'
            : jsonAnswer(JSON.stringify({ method })),
        )
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy })
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const response = await fetch(`${gateway.url}/olla/proxy/anything`, { method })
        assert.deepEqual(await response.json(), { method })
      }
      const head = await fetch(`${gateway.url}/olla/proxy/anything`, { method: 'HEAD' })
      assert.equal(head.headers.get('content-length'), '99')
    })

    it('passes an upload of any type unchanged', async (t) => {
      const upstream = await startRawUpstream(
        t,
        ({ socket }) => void socket.write(jsonAnswer('{"text":"hi"}')),
      )
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy })
      const form = new FormData()
      const audio = randomBytes(200_000)
      form.set('model', 'm')
      form.set('file', new Blob([audio]), 'a.wav')
      const response = await fetch(`${gateway.url}/v1/audio/transcriptions`, { method: 'POST', body: form })
      assert.deepEqual(await response.json(), { text: 'hi' })
      assert.ok(upstream.requests[0]?.body.includes(audio))
    })

    it('does not let a path leave the base path of an endpoint', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer('{}')))
      const gateway = await startGateway(
        t,
        [
          {
            url: `${upstream.url}/base/path`,
            preserve_path: true,
            model_url: `${upstream.url}/v1/models`,
            health_check_url: `${upstream.url}/health`,
          },
        ],
        { proxy },
      )
      for (const path of [
        '/olla/openai/%2e%2e/admin',
        '/olla/openai/v1/%2E%2E/%2e%2e/admin',
        '/olla/openai/..%2fadmin',
        '/olla/openai//..//evil.example/x',
        '//olla/openai/%2e%2e//admin',
        '/v1/../admin',
        '/v1/..%5cadmin',
      ]) {
        const answer = await rawExchange(
          gateway.port,
          `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        )
        assert.match(answer, /^HTTP\/1\.1 4\d\d /, path)
      }
      assert.equal(upstream.requests.length, 0)
      await fetch(`${gateway.url}/olla/openai/v1/models/org%2Fname%20x`)
      assert.match(upstream.requests.at(0)?.head ?? '', /^GET \/base\/path\/v1\/models\/org%2Fname%20x HTTP/)
    })

    it('drops hop-by-hop headers both ways, also those that Connection names', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => {
        socket.write(
          jsonAnswer('{}', {
            headers: 'Connection: keep-alive, X-Up\r\nX-Up: 1\r\nKeep-Alive: timeout=9\r\n',
          }),
        )
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy })
      const answer = await rawExchange(
        gateway.port,
        `GET /olla/proxy/x HTTP/1.1\r\nHost: x\r\nConnection: close, X-Down\r\nX-Down: 1\r\nTE: trailers\r\n\r\n`,
      )
      assert.doesNotMatch(answer, /x-up:|keep-alive: timeout=9/i)
      assert.doesNotMatch(upstream.requests[0]?.head ?? '', /x-down:|^te:/im)
    })
  })
}
