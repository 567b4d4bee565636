import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { jsonAnswer, type RawRequest, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const json = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n'
const events = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n'
const refusal = 'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{"error":{"message":"'
const delta = (value: object) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: value }] })}\n\n`
const text = delta({ content: 'x'.repeat(100_000) })
const calls = (round: number) =>
  Array.from({ length: 20 }, (_, at) => {
    const index = round * 20 + at
    return delta({ tool_calls: [{ index, id: `c${index}`, function: { name: 'f', arguments: '{' } }] })
  }).join('')

/** Writes until the other side closes. */
function pour({ socket }: RawRequest, head: string, piece: (round: number) => string): void {
  let round = 0
  const more = () => {
    while (!socket.destroyed && socket.write(piece(round++)));
    if (!socket.destroyed) socket.once('drain', more)
  }
  socket.write(head)
  more()
}

async function start(
  t: TestContext,
  engine: string,
  head: string,
  piece: (round: number) => string,
  limit: string,
) {
  const sockets: Socket[] = []
  const upstream = await startRawUpstream(t, (request) => {
    sockets.push(request.socket)
    pour(request, head, piece)
  })
  const gateway = await startGateway(t, [{ url: upstream.url }], {
    proxy: { ...engineOf(engine), max_retries: 0 },
    server: { request_limits: { max_buffered_bytes: limit } },
  })
  const post = (stream: boolean, path = '/v1/messages') =>
    fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', max_tokens: 5, stream, messages: [{ role: 'user', content: 'q' }] }),
    })
  return { gateway, sockets, post }
}

for (const engine of engines) {
  describe(`an endless answer, ${engine} engine`, () => {
    const rows: [string, boolean, string, (round: number) => string, number, RegExp][] = [
      ['tool calls', true, events, calls, 200, /event: error\ndata: .*too many tool calls/],
      ['tool calls for a whole message', false, events, calls, 502, /"type":"error".*too many tool calls/],
      ['text for a whole message', false, events, () => text, 502, /"type":"error".*too large/],
      ['an error', false, refusal, () => 'x'.repeat(50_000), 400, /"type":"error"/],
      ['an event', true, `${events}data: `, () => 'x'.repeat(50_000), 200, /event: error/],
    ]
    for (const [title, isStream, head, piece, status, expected] of rows) {
      it(`ends at a limit: ${title}`, async (t) => {
        const { post, sockets } = await start(t, engine, head, piece, '1GB')
        const response = await post(isStream)
        assert.equal(response.status, status)
        // An error inside of a stream is followed by a cut, so that no one takes it for complete.
        let told = ''
        try {
          for await (const part of response.body ?? []) told += Buffer.from(part).toString()
        } catch {}
        assert.match(told, expected)
        await eventually(() => sockets.every(({ destroyed }) => destroyed))
      })
    }

    it('is refused if it is nested too deeply', async (t) => {
      const deep = `{"error":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`
      const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(jsonAnswer(deep)))
      const gateway = await startGateway(t, [{ url: upstream.url }], {
        proxy: { ...engineOf(engine), max_retries: 0 },
      })
      for (const stream of [true, false]) {
        const response = await fetch(`${gateway.url}/v1/messages`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            model: 'm',
            max_tokens: 5,
            stream,
            messages: [{ role: 'user', content: 'q' }],
          }),
        })
        assert.match(await response.text(), /"type":"error"/)
      }
    })

    it('counts against the body budget while it is buffered', async (t) => {
      const { gateway, post, sockets } = await start(t, engine, events, () => text, '2MB')
      const response = await post(false)
      assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1'])
      assert.match(await response.text(), /"type":"overloaded_error"/)
      await eventually(() => sockets.every(({ destroyed }) => destroyed))
      const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
      assert.match(metrics, /^olla_buffered_bytes 0$/m)
      assert.match(metrics, /^olla_buffer_refusals_total 1$/m)
    })

    it('pauses while its client does not read', async (t) => {
      const { post, sockets } = await start(t, engine, json, () => 'x'.repeat(50_000), '1GB')
      const response = await post(false, '/v1/chat/completions')
      await eventually(async () => {
        const before = sockets[0]?.bytesWritten
        await new Promise((resolve) => setTimeout(resolve, 200))
        return before === sockets[0]?.bytesWritten
      })
      assert.ok((sockets[0]?.bytesWritten ?? 0) < 64_000_000)
      await response.body?.cancel()
      await eventually(() => sockets.every(({ destroyed }) => destroyed))
    })
  })
}
