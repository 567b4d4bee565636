import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { chatBody, openSocket, postChat, startGateway } from '../support/gateway.ts'
import { chunk, type RawRequest, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const chatRequest = (body: string) =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

for (const engine of engines) {
  describe(`clients that disconnect from the ${engine} engine`, () => {
    const stages: Record<string, (request: RawRequest) => void> = {
      'before headers': () => {},
      'after headers': ({ socket }) => void socket.write(sseHead),
      'mid-stream': ({ socket }) => void socket.write(sseHead + chunk('data: 1\n\n')),
    }
    for (const [stage, answer] of Object.entries(stages)) {
      it(`stop the endpoint's work within 50 ms after a disconnect ${stage}`, async (t) => {
        let upstreamClosedMs = 0
        const upstream = await startRawUpstream(t, (request) => {
          request.socket.once('close', () => {
            upstreamClosedMs = performance.now()
          })
          answer(request)
        })
        const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], {
          proxy: engineOf(engine),
        })
        // The fastest of a few: all three parties share this event loop, and a busy machine is not at fault.
        let fastestMs = Number.POSITIVE_INFINITY
        for (let time = 1; time <= 5; time++) {
          upstreamClosedMs = 0
          const client = await openSocket(gateway.port)
          client.write(chatRequest(chatBody({ stream: true })))
          if (stage === 'mid-stream') await once(client, 'data')
          await eventually(() => upstream.requests.length === time)
          await eventually(async () => (await gateway.status())[0]?.in_flight === 1)
          const leftMs = performance.now()
          client.destroy()
          await eventually(() => upstreamClosedMs > 0)
          fastestMs = Math.min(fastestMs, upstreamClosedMs - leftMs)
          await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
        }
        assert.ok(fastestMs < 50, `took ${fastestMs.toFixed(1)} ms`)
        await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
        const stats = (await (await fetch(`${gateway.url}/internal/status`)).json()) as {
          system: { total_failures: number }
        }
        assert.equal(stats.system.total_failures, 0)
        assert.equal((await gateway.status())[0]?.breaker?.state, 'closed')
      })
    }

    it('end an answer that was rejected first and forwarded in the end', async (t) => {
      let busySocket: Socket | undefined
      const busy = await startRawUpstream(t, ({ socket }) => {
        busySocket = socket
        socket.write(`${sseHead.replace('200 OK', '503 Busy')}${chunk('data: 1\n\n')}`)
      })
      const dead = await startRawUpstream(t, ({ socket }) => void socket.resetAndDestroy())
      const gateway = await startGateway(
        t,
        [
          { url: busy.url, name: 'busy', priority: 200 },
          { url: dead.url, name: 'dead', priority: 100 },
        ],
        { proxy: { ...engineOf(engine), max_retries: 0 } },
      )
      const client = await openSocket(gateway.port)
      client.write(chatRequest(chatBody({ stream: true })))
      await once(client, 'data')
      client.destroy()
      await eventually(() => busySocket?.destroyed === true)
    })

    it('reach no endpoint after they have disconnected', async (t) => {
      const upstream = await startRawUpstream(t, ({ socket }) => {
        setTimeout(() => socket.write(`${sseHead}${chunk('data: 1\n\n')}0\r\n\r\n`), 200)
      })
      const gateway = await startGateway(t, [{ url: upstream.url, max_concurrent: 1 }], {
        proxy: engineOf(engine),
      })
      const first = postChat(gateway.url, { stream: true })
      await eventually(() => upstream.requests.length === 1)
      const waiting = await openSocket(gateway.port)
      waiting.write(chatRequest(chatBody()))
      waiting.end()
      waiting.destroy()
      await (await first).text()
      await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
      assert.equal(upstream.requests.length, 1)
    })
  })

  describe(`slow clients of the ${engine} engine`, () => {
    it('pause the endpoint instead of filling memory', async (t) => {
      const block = chunk('x'.repeat(65_536))
      let sentBytes = 0
      let paused = false
      const upstream = await startRawUpstream(t, ({ socket }) => {
        socket.write(sseHead)
        const push = () => {
          for (;;) {
            sentBytes += block.length
            if (sentBytes > 64 * 1024 * 1024) {
              socket.end('0\r\n\r\n')
              return
            }
            if (!socket.write(block)) break
          }
          paused = true
          socket.once('drain', () => {
            paused = false
            push()
          })
        }
        push()
      })
      const gateway = await startGateway(t, [{ url: upstream.url }], { proxy: engineOf(engine) })
      const client = await openSocket(gateway.port)
      client.pause()
      client.write(chatRequest(chatBody({ stream: true })))
      // Both kernels' socket buffers and the gateway's 64 KiB fill; then nothing moves any more.
      let before = -1
      await eventually(
        () => {
          const still = paused && before === sentBytes
          before = sentBytes
          return still
        },
        { intervalMs: 200 },
      )
      assert.ok(sentBytes < 32 * 1024 * 1024, `${sentBytes} bytes were taken for a client that reads nothing`)
      client.destroy()
      await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
    })
  })
}
