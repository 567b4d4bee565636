// An app that embeds the gateway gets the command's server with `olla-gateway/http-server`.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import {
  type CapableServer,
  httpServerOptions,
  kConnectionLimit,
  ollaHttpServer,
} from '../../src/http-server.ts'
import gateway, { parseConfig } from '../../src/index.ts'
import { openSocket, postChat } from '../support/gateway.ts'
import { chunk, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

async function embed(t: TestContext, url: string, server: Record<string, unknown> = {}) {
  const config = parseConfig({
    server,
    discovery: { static: { endpoints: [{ url, type: 'openai-compatible' }] } },
  })
  const app = Fastify({
    return503OnClosing: false,
    serverFactory: ollaHttpServer(httpServerOptions(config)),
  })
  t.after(() => app.close())
  const stopping = new AbortController()
  const drained = Promise.withResolvers<{ readonly cut: number }>()
  app.get('/own', () => 'own')
  await app.register(gateway, { config, drainSignal: stopping.signal, onDrained: drained.resolve })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    port,
    url: `http://127.0.0.1:${port}`,
    stop: () => stopping.abort(),
    drained: drained.promise,
  }
}

/** One request and the whole of its short answer on a kept connection. */
async function sendOn(socket: Socket, path: string): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  return String(answer)
}

describe('an app on olla-gateway/http-server', () => {
  it("serves the gateway's routes, prompts of any size and its own routes", async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const { url } = await embed(t, simulator.url)
    await eventually(async () => (await postChat(url)).status === 200)
    for (const length of [10, 30_000, 100_000, 2_000_000]) {
      const content = 'x'.repeat(length)
      const answer = await postChat(url, { messages: [{ role: 'user', content }] })
      assert.equal(answer.status, 200)
      await answer.body?.cancel()
    }
    assert.match(await (await postChat(url, { stream: true })).text(), /\[DONE\]/)
    assert.equal(await (await fetch(`${url}/own`)).text(), 'own')
  })

  it('drains like the command: answers end their connections, streams finish', async (t) => {
    let finish: (() => void) | undefined
    const upstream = await startRawUpstream(t, ({ socket }) => {
      socket.write(sseHead + chunk('data: 1\n\n'))
      finish = () => void socket.write(`${chunk('data: [DONE]\n\n')}0\r\n\r\n`)
    })
    const { port, url, stop, drained } = await embed(t, upstream.url, { shutdown_delay: '200ms' })
    await eventually(async () => {
      const answer = await postChat(url, { stream: true })
      if (answer.status !== 200) return false
      finish?.()
      await answer.text()
      return true
    })
    const idle = await openSocket(port)
    const kept = await openSocket(port)
    assert.match(await sendOn(idle, '/own'), /Connection: keep-alive/)
    assert.match(await sendOn(kept, '/own'), /Connection: keep-alive/)
    const streaming = await postChat(url, { stream: true })
    const idleEnds = once(idle, 'end')
    stop()
    assert.match(await sendOn(kept, '/own'), /Connection: close/)
    await idleEnds
    finish?.()
    assert.match(await streaming.text(), /\[DONE\]/)
    assert.equal((await drained).cut, 0)
  })

  it('counts its connections against server.max_connections', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const { app, port, url } = await embed(t, simulator.url, { max_connections: 3 })
    const { [kConnectionLimit]: limit }: CapableServer = app.server
    assert.equal(limit?.max, 3)
    const sockets = [await openSocket(port), await openSocket(port), await openSocket(port)]
    await eventually(() => limit.open === 3)
    for (const socket of sockets) socket.destroy()
    await eventually(() => limit.open === 0)
    assert.match(await (await fetch(`${url}/internal/metrics`)).text(), /olla_accept_pauses_total 1\b/)
  })
})
