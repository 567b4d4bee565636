/** Servers that move, get unready or go away at their source, while requests run: by DNS and by Kubernetes. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { type SliceObject, slice, startKubernetesApi } from '../endpoints/providers/kubernetes-api.ts'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { startNameServer } from '../support/name-server.ts'
import { eventually as eventuallyIn, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const eventually = (condition: () => boolean | Promise<boolean>) =>
  eventuallyIn(condition, { timeoutMs: 60_000 })

for (const engine of engines) {
  describe(`an address that changes at its name server (${engine})`, () => {
    it('moves all new requests, and the connections to the old one close', async (t) => {
      const old = await serverAt(t, '127.0.0.2')
      const next = await serverAt(t, '127.0.0.3', old.port)
      const names = await startNameServer(t, [old.host])
      const gateway = await byName(t, engine, names.address, old.port)
      await hearsFrom(gateway, old.host)
      assert.ok(old.open.size > 0)
      const failed: number[] = []
      let isOver = false
      const load = Array.from({ length: 3 }, async () => {
        while (!isOver) {
          const response = await postChat(gateway.url)
          if (response.status !== 200) failed.push(response.status)
          await response.arrayBuffer()
        }
      })
      names.hosts = [next.host]
      await hearsFrom(gateway, next.host)
      await eventually(async () => (await gateway.status()).length === 1)
      const before = old.chats()
      isOver = true
      await Promise.all(load)
      for (let request = 0; request < 10; request++) await (await postChat(gateway.url)).arrayBuffer()
      assert.equal(old.chats(), before)
      assert.deepEqual(failed, [])
      await eventually(() => old.open.size === 0)
    })

    it('is looked up again at once when its server is gone, whatever its time to live', async (t) => {
      const old = await serverAt(t, '127.0.0.2')
      const next = await serverAt(t, '127.0.0.3', old.port)
      const names = await startNameServer(t, [old.host])
      names.ttl = 86_400
      const gateway = await byName(t, engine, names.address, old.port)
      await hearsFrom(gateway, old.host)
      names.hosts = [next.host]
      old.close()
      await hearsFrom(gateway, next.host)
    })
  })

  describe(`a pod (${engine})`, () => {
    for (const [name, change] of [
      ['that is not ready', (one) => withConditions(one, { ready: false })],
      ['that terminates', (one) => withConditions(one, { ready: false, serving: true, terminating: true })],
      ['whose label changes', (one) => ({ ...one, endpoints: [] })],
      [
        'that is evicted and has no address',
        (one) => ({ ...one, endpoints: [{ addresses: [], conditions: {} }] }),
      ],
    ] as readonly [string, (one: SliceObject) => SliceObject][])
      it(`${name} gets no new request, and finishes its stream`, async (t) => {
        const kind = 'openai-compatible'
        const servers = await Promise.all(
          ['one', 'two'].map((each) =>
            withSimulator(t, { kind, name: each, models: ['m'], tokensPerSecond: 20 }),
          ),
        )
        const api = await startKubernetesApi(t)
        const slices = servers.map(({ url }, at) =>
          slice(`vllm-${at}`, ['127.0.0.1'], { ports: [{ name: 'http', port: Number(new URL(url).port) }] }),
        )
        for (const one of slices) api.put(one)
        const providers = [
          {
            type: 'kubernetes',
            api_server: api.origin,
            namespace: 'models',
            service: 'vllm',
            template: { type: kind, check_interval: '1s', check_timeout: '900ms' },
          },
        ]
        const proxy = { ...engineOf(engine), load_balancer: 'round-robin' }
        const gateway = await startGateway(t, [], { discovery: { providers }, proxy }, { awaitRoutable: 2 })
        const stream = await postChat(gateway.url, { stream: true, max_tokens: 60 })
        const text = stream.text()
        const at = await busyOf(gateway, slices)
        const chats = () =>
          servers[at]?.control.requests().filter(({ method }) => method === 'POST').length ?? assert.fail()
        const [before, changed] = [chats(), slices[at] ?? assert.fail()]
        api.put(change(changed))
        await eventually(async () => {
          const rows = await gateway.status()
          return rows.filter(({ status }) => status !== 'draining').length === 1
        })
        for (let request = 0; request < 10; request++) {
          const response = await postChat(gateway.url, { max_tokens: 1 })
          await response.arrayBuffer()
          assert.equal(response.status, 200)
        }
        assert.equal(chats(), before)
        const events = (await text).split('\n').filter((line) => line.startsWith('data: '))
        assert.equal(events.at(-1), 'data: [DONE]')
        await eventually(async () => (await gateway.status()).length === 1)
      })
  })
}

function withConditions(one: SliceObject, conditions: object): SliceObject {
  return { ...one, endpoints: one.endpoints.map((endpoint) => ({ ...endpoint, conditions })) }
}

/** Index of the slice whose endpoint has a request in flight. */
async function busyOf(gateway: RunningGateway, slices: readonly SliceObject[]): Promise<number> {
  const response = await fetch(`${gateway.url}/internal/status/endpoints`)
  const { endpoints } = (await response.json()) as { endpoints: { url: string; in_flight: number }[] }
  const url = endpoints.find(({ in_flight: count }) => count > 0)?.url ?? assert.fail('no stream')
  return slices.findIndex(({ ports }) => url.endsWith(`:${Reflect.get(ports[0] ?? {}, 'port')}`))
}

function byName(t: TestContext, engine: string, server: string, port: number): Promise<RunningGateway> {
  const providers = [
    {
      type: 'dns',
      names: ['gpu.test'],
      port,
      servers: [server],
      interval: '1h',
      remove_after: '1s',
      template: { type: 'openai-compatible', check_interval: '1s', check_timeout: '900ms' },
    },
  ]
  const proxy = engineOf(engine)
  return startGateway(t, [], { discovery: { providers }, proxy }, { awaitRoutable: 1 })
}

/** Waits until a chat is answered from a host. */
async function hearsFrom(gateway: RunningGateway, host: string): Promise<void> {
  await eventually(async () => (await (await postChat(gateway.url)).text()).includes(host))
}

/** An inference server on another address of this machine, whose answers name it. */
async function serverAt(t: TestContext, host: string, port = 0) {
  const open = new Set<Socket>()
  let chats = 0
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.method === 'GET') {
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'm', object: 'model' }] }))
      return
    }
    chats++
    const message = { role: 'assistant', content: host }
    request.resume().on('end', () => {
      response.end(JSON.stringify({ id: 'x', choices: [{ index: 0, message, finish_reason: 'stop' }] }))
    })
  })
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  t.after(close)
  return { host, port: (server.address() as AddressInfo).port, open, chats: () => chats, close }
}
