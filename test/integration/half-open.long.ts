import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { chatBody, startGateway } from '../support/gateway.ts'
import { chunk, jsonAnswer, type RawRequest, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const events = 5
const stream = async ({ socket }: RawRequest) => {
  socket.write(sseHead)
  for (let at = 0; at < events && !socket.destroyed; at++) {
    await setTimeout(10)
    socket.write(chunk(`data: {"choices":[{"index":0,"delta":{"content":"${at}"}}]}\n\n`))
  }
  socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`)
}
const json = async ({ socket }: RawRequest) => {
  await setTimeout(30)
  socket.write(jsonAnswer('{"from":"endpoint"}'))
}

const body = chatBody({ stream: true })
const post = (version: string, headers: string) =>
  `POST /v1/chat/completions HTTP/${version}\r\nHost: a\r\nContent-Type: application/json\r\n${headers}\r\n`
const plain = `${post('1.1', `Content-Length: ${body.length}\r\n`)}${body}`

/** Requests after which the client closes its side, and what the answer ends with. */
const cases: readonly (readonly [name: string, answer: typeof json, request: string, end: RegExp])[] = [
  ['a stream', stream, plain, /"4"[\s\S]*\[DONE\]\s+0\r\n\r\n$/],
  ['an answer of one piece', json, plain, /\r\n\r\n\{"from":"endpoint"\}$/],
  [
    'a chunked request',
    json,
    `${post('1.1', 'Transfer-Encoding: chunked\r\n')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    /\{"from":"endpoint"\}$/,
  ],
  ['HTTP/1.0', json, `${post('1.0', `Content-Length: ${body.length}\r\n`)}${body}`, /\{"from":"endpoint"\}$/],
  [
    'a stream to HTTP/1.0',
    stream,
    `${post('1.0', `Content-Length: ${body.length}\r\n`)}${body}`,
    /\[DONE\]\n\n$/,
  ],
  ['two requests in a row', json, plain + plain, /"endpoint"\}HTTP\/1.1 200 [\s\S]*\{"from":"endpoint"\}$/],
  ['the list of models', json, 'GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n', /"data":\[[\s\S]*\}$/],
]

for (const engine of engines) {
  for (const server of ['own', 'node'] as const) {
    describe(`a client that half-closes: engine ${engine}, http_server ${server}`, () => {
      for (const [name, answer, request, end] of cases) {
        it(`is served with server.allow_half_open: ${name}`, async (t) => {
          const upstream = await startRawUpstream(t, (asked) => void answer(asked))
          const gateway = await startGateway(t, [{ url: upstream.url }], {
            proxy: engineOf(engine),
            server: { http_server: server, allow_half_open: true },
          })
          assert.match(await halfClosed(gateway.port, request), end)
        })
      }

      it('has disconnected by default', async (t) => {
        const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(sseHead))
        const gateway = await startGateway(t, [{ url: upstream.url }], {
          proxy: engineOf(engine),
          server: { http_server: server },
        })
        assert.doesNotMatch(await halfClosed(gateway.port, plain), /\[DONE\]/)
        await eventually(() => upstream.requests.every(({ socket }) => socket.destroyed))
      })

      it('has disconnected when it resets the connection', async (t) => {
        const upstream = await startRawUpstream(t, ({ socket }) => {
          socket.write(sseHead)
          const timer = setInterval(() => socket.write(chunk(': tick\n\n')), 10)
          socket.on('close', () => clearInterval(timer))
        })
        const gateway = await startGateway(t, [{ url: upstream.url }], {
          proxy: engineOf(engine),
          server: { http_server: server, allow_half_open: true },
        })
        const client = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
        client.end(plain)
        await once(client, 'data')
        client.resetAndDestroy()
        await eventually(
          () => upstream.requests.length === 1 && upstream.requests[0]?.socket.destroyed === true,
        )
        await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
      })
    })
  }
}

async function halfClosed(port: number, request: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks: Buffer[] = []
  socket.on('data', (bytes) => chunks.push(bytes))
  socket.on('error', () => {})
  socket.end(request)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}
