import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { before, describe, it } from 'node:test'
import { trustLocalhost } from '../support/certificates.ts'
import { chatBody, openSocket, postChat, startGateway } from '../support/gateway.ts'
import { rawPost } from '../support/raw-client.ts'
import { jsonAnswer, type RawRequest, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { startTlsUpstream, type TlsUpstream } from '../support/tls-upstream.ts'
import { engineOf, engines } from './engines.ts'

const good = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"from":"good"}'))

const plainAnswer =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nThis is not TLS.'
/** Fatal, handshake_failure (RFC 8446 section 6). */
const alert = Buffer.from([21, 3, 3, 0, 2, 2, 40])
const afterHello = (then: (socket: Socket) => void) => (socket: Socket) => {
  socket.once('data', () => then(socket))
}

interface Failure {
  readonly becomes: (upstream: TlsUpstream) => void
  /** What clients are told of the attempt. */
  readonly told: string
  readonly timeouts?: object
}

const handshake = 'TLS handshake failed'
/** What may become of an endpoint that was well when it was probed. */
const failures: Record<string, Failure> = {
  'has a certificate of an unknown issuer': {
    becomes: (upstream) => upstream.present('unknown-issuer'),
    told: handshake,
  },
  'has a certificate that has expired': {
    becomes: (upstream) => upstream.present('expired'),
    told: handshake,
  },
  'has a certificate for another name': {
    becomes: (upstream) => upstream.present('other-name'),
    told: handshake,
  },
  'has a certificate that is not for servers': {
    becomes: (upstream) => upstream.present('client-only'),
    told: handshake,
  },
  'answers a handshake in plain HTTP': {
    becomes: (upstream) => upstream.meetWith(afterHello((socket) => socket.end(plainAnswer))),
    told: `${handshake} (it may speak plain HTTP: use http)`,
  },
  'answers a handshake with an alert': {
    becomes: (upstream) => upstream.meetWith(afterHello((socket) => socket.end(alert))),
    told: handshake,
  },
  'never answers a handshake': {
    becomes: (upstream) => upstream.meetWith(() => {}),
    told: handshake,
    timeouts: { tls: '200ms' },
  },
  'closes before a handshake': {
    becomes: (upstream) => upstream.meetWith((socket) => socket.end()),
    told: 'connection reset',
  },
  'closes within a handshake': {
    becomes: (upstream) => upstream.meetWith(afterHello((socket) => socket.end())),
    told: 'connection reset',
  },
  'resets within a handshake': {
    becomes: (upstream) => upstream.meetWith(afterHello((socket) => socket.resetAndDestroy())),
    told: 'connection reset',
  },
}

/** A request is the first to find out, not a probe. */
const unwatched = { check_interval: '60s', check_timeout: '10s' }

before(trustLocalhost)

for (const engine of engines) {
  describe(`an https endpoint that fails the ${engine} engine`, () => {
    for (const [name, { becomes, told, timeouts = {} }] of Object.entries(failures)) {
      it(`as it ${name}: the request fails over, or gets an error without another endpoint`, async (t) => {
        const bad = await startTlsUpstream(t, good)
        const fine = await startRawUpstream(t, good)
        const endpoint = { url: bad.url, name: 'bad', priority: 200, timeouts, ...unwatched }
        const sections = { proxy: { ...engineOf(engine), max_retries: 0 } }
        const alone = await startGateway(t, [endpoint], sections)
        const gateway = await startGateway(
          t,
          [endpoint, { url: fine.url, name: 'good', priority: 100 }],
          sections,
        )
        becomes(bad)

        const response = await postChat(gateway.url)
        assert.equal(response.status, 200)
        assert.deepEqual(await response.json(), { from: 'good' })
        assert.equal(response.headers.get('x-olla-endpoint'), 'good')
        assert.equal(response.headers.get('x-olla-attempts'), '2')
        assert.equal(fine.requests[0]?.body.toString(), chatBody())

        const refused = await postChat(alone.url)
        assert.equal(refused.status, 502)
        assert.deepEqual(await refused.json(), {
          error: {
            message: `No endpoint could answer the request. Tried bad: ${told}.`,
            type: 'server_error',
            param: null,
            code: 'upstream_failed',
            request_id: refused.headers.get('x-olla-request-id'),
            attempts: [`bad: ${told}`],
          },
        })
        assert.equal(bad.requests.length, 0)
      })
    }

    const failed = `No endpoint could answer the request. Tried bad: ${handshake}.`
    const dialects = {
      '/v1/chat/completions': (message: string, request_id: string | null) => ({
        error: {
          message,
          type: 'server_error',
          param: null,
          code: 'upstream_failed',
          request_id,
          attempts: [`bad: ${handshake}`],
        },
      }),
      '/v1/messages': (message: string, request_id: string | null) => ({
        type: 'error',
        error: { type: 'api_error', message },
        request_id,
      }),
      '/api/chat': (message: string, request_id: string | null) => ({ error: message, request_id }),
    }
    for (const [path, body] of Object.entries(dialects)) {
      it(`is offline at once, which clients of ${path} get in their dialect`, async (t) => {
        const bad = await startTlsUpstream(t, good)
        const gateway = await startGateway(t, [{ url: bad.url, name: 'bad', ...unwatched }], {
          proxy: engineOf(engine),
        })
        const ask = async () => {
          const response = await fetch(`${gateway.url}${path}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: chatBody({ max_tokens: 5 }),
          })
          const id = response.headers.get('x-olla-request-id')
          return { status: response.status, id, body: (await response.json()) as unknown }
        }
        bad.present('unknown-issuer')
        const first = await ask()
        assert.equal(first.status, 502)
        assert.deepEqual(first.body, body(failed, first.id))
        assert.equal((await gateway.status())[0]?.status, 'offline')
        // The only endpoint is asked again at a bounded pace, and its fault told again.
        const second = await ask()
        assert.equal(second.status, 502)
        assert.deepEqual(second.body, body(failed, second.id))
      })
    }

    it('from the start gets no requests until its certificate is trusted', async (t) => {
      const bad = await startTlsUpstream(t, good)
      const fine = await startRawUpstream(t, good)
      bad.present('unknown-issuer')
      const gateway = await startGateway(
        t,
        [
          { url: bad.url, name: 'bad', priority: 200 },
          { url: fine.url, name: 'good', priority: 100 },
        ],
        { proxy: engineOf(engine) },
        { awaitRoutable: 1 },
      )
      await eventually(async () => (await gateway.status())[0]?.status === 'offline')
      const { endpoints } = (await (await fetch(`${gateway.url}/internal/status/endpoints`)).json()) as {
        endpoints: { last_error: string }[]
      }
      assert.equal(endpoints[0]?.last_error, handshake)
      const response = await postChat(gateway.url)
      assert.equal(response.headers.get('x-olla-endpoint'), 'good')
      assert.equal(response.headers.get('x-olla-attempts'), null)
      bad.present('localhost')
      await eventually(async () => (await postChat(gateway.url)).headers.get('x-olla-endpoint') === 'bad')
    })

    it('by cutting one handshake is retried, as after any cut connection', async (t) => {
      const upstream = await startTlsUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url, ...unwatched }], {
        proxy: engineOf(engine),
      })
      let cut = 0
      upstream.meetWith((socket, shakeHands) => {
        if (cut++ === 0) socket.end()
        else shakeHands(socket)
      })
      assert.equal((await postChat(gateway.url)).status, 200)
      assert.equal(cut, 2)
    })

    it('by a slow handshake gets no request of a client that has disconnected', async (t) => {
      const upstream = await startTlsUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url, ...unwatched }], {
        proxy: engineOf(engine),
      })
      const held: (() => void)[] = []
      upstream.meetWith((socket, shakeHands) => {
        held.push(() => shakeHands(socket))
      })
      const client = await openSocket(gateway.port)
      client.write(rawPost('/v1/chat/completions', chatBody({ user: 'gone' })))
      await eventually(() => held.length === 1)
      client.destroy()
      await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
      upstream.meetWith((socket, shakeHands) => shakeHands(socket))
      for (const goOn of held) goOn()
      assert.equal((await postChat(gateway.url)).status, 200)
      assert.deepEqual(
        upstream.requests.map(({ body }) => body.toString()),
        [chatBody()],
      )
    })
  })
}
