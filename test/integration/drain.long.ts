import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { chatBody, openSocket, type RunningGateway, startGateway } from '../support/gateway.ts'
import { exchangeRaw, openRaw, rawPost } from '../support/raw-client.ts'
import { jsonAnswer, type RawRequest, startRawUpstream, startSlowUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'

const good = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"from":"upstream"}'))
const chat = (header: string) => rawPost('/v1/chat/completions', chatBody(), header)
const keepsAlive = 'Connection: keep-alive'

/** What comes over a connection. */
async function connect(gateway: RunningGateway) {
  const socket = await openSocket(gateway.port)
  let text = ''
  socket.on('data', (part: Buffer) => {
    text += part.toString('latin1')
  })
  const ended = once(socket, 'close')
  return { socket, text: () => text, ended }
}

const connections = (text: string) => [...text.matchAll(/^connection: (.*?)\r$/gim)].map(([, value]) => value)

async function isDraining(gateway: RunningGateway): Promise<boolean> {
  const { text } = await exchangeRaw(
    gateway.port,
    'GET /internal/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  )
  return text.startsWith('HTTP/1.1 503')
}

for (const http_server of ['own', 'node']) {
  describe(`a drain with the ${http_server} server`, () => {
    it('serves all requests during the delay, and each answer ends its connection', async (t) => {
      const upstream = await startRawUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url }], {
        server: { http_server, shutdown_delay: '1s' },
      })
      const kept = await connect(gateway)
      kept.socket.write(chat(keepsAlive))
      await eventually(() => kept.text().endsWith('}'))
      const closing = gateway.close()
      await eventually(() => isDraining(gateway))
      kept.socket.write(chat(keepsAlive))
      await kept.ended
      assert.deepEqual(connections(kept.text()), ['keep-alive', 'close'])
      for (const [request, status] of [
        [chat(keepsAlive), 200],
        [chat(keepsAlive).replace('HTTP/1.1', 'HTTP/1.0'), 200],
        ['HEAD /v1/models HTTP/1.1\r\nHost: x\r\n\r\n', 200],
        ['OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n', 200],
        ['GET /internal/health HTTP/1.1\r\nHost: x\r\n\r\n', 200],
        ['GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n', 404],
      ] as const) {
        const { text, ending } = await exchangeRaw(gateway.port, request)
        assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), request)
        assert.deepEqual(connections(text), ['close'], request)
        assert.equal(ending, 'end', request)
      }
      assert.deepEqual(await closing, { drained: 0, cut: 0 })
    })

    it('ends connections with answers in flight after the last pipelined request', async (t) => {
      const upstream = await startSlowUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url }], { server: { http_server } })
      const [single, row] = [await connect(gateway), await connect(gateway)]
      single.socket.write(chat(keepsAlive))
      row.socket.write(chat(keepsAlive).repeat(3))
      await eventually(() => upstream.open.length >= 2)
      const closing = gateway.close()
      const isOver = Promise.all([single.ended, row.ended])
      await eventually(() => {
        upstream.answer()
        return upstream.requests.length === 4 && upstream.open.length === 0
      })
      await isOver
      assert.deepEqual(connections(single.text()), ['close'])
      assert.equal(row.text().match(/"from":"upstream"/g)?.length, 3)
      assert.equal((await closing).cut, 0)
    })

    it('refuses stalled requests in their dialect without waiting for them', async (t) => {
      const upstream = await startRawUpstream(t, good)
      const gateway = await startGateway(t, [{ url: upstream.url }], {
        server: { http_server, shutdown_timeout: '30s' },
      })
      const stalled: readonly (readonly [string, RegExp])[] = [
        ['/v1/chat/completions', /"code":"draining"/],
        ['/v1/messages', /"type":"overloaded_error"/],
        ['/api/chat', /\{"error":"The gateway is shutting down\."/],
      ]
      const sockets: (readonly [Socket, Promise<string>, RegExp])[] = []
      for (const [path, body] of stalled) {
        const { socket, text, ended } = await connect(gateway)
        socket.write(rawPost(path, chatBody({ max_tokens: 1 }), keepsAlive).slice(0, -5))
        sockets.push([socket, ended.then(text), body])
      }
      const partial = await openRaw(gateway.port, 'POST /v1/chat/completions HTTP/1.1\r\nHo')
      t.after(() => partial.destroy())
      assert.deepEqual(await gateway.close(), { drained: 0, cut: 0 })
      for (const [, ended, body] of sockets) {
        const text = await ended
        assert.match(text, /^HTTP\/1\.1 503 /)
        assert.match(text, /^retry-after: 1\r$/im)
        assert.deepEqual(connections(text), ['close'])
        assert.match(text, body)
      }
    })
  })
}
