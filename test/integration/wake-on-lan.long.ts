/** Endpoints whose machines are woken before a request waits for them. Packets go to a socket on the loopback interface. */
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import type { SimulatorOptions } from '../../simulator/model.ts'
import { startSimulator } from '../../simulator/server.ts'
import { freePort } from '../support/free-port.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const mac = '02:00:5e:10:00:01'

async function listener(t: TestContext) {
  const socket = createSocket('udp4')
  const packets: Buffer[] = []
  socket.on('message', (packet) => packets.push(packet))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.after(() => socket.close())
  return { packets, port: socket.address().port }
}

/** A machine that is down; `start` is its boot. */
async function machine(t: TestContext, options: Partial<SimulatorOptions> = {}) {
  const port = await freePort()
  const lan = await listener(t)
  return {
    lan,
    url: `http://127.0.0.1:${port}`,
    wake: { address: '127.0.0.1', port: lan.port, interval: '1s', wait: '10s' },
    async start() {
      const simulator = await startSimulator({
        kind: 'ollama',
        port,
        models: ['a'],
        tokensPerSecond: 0,
        timeToFirstTokenMs: 0,
        ...options,
      })
      t.after(() => simulator.close())
      return simulator
    },
  }
}

const states = async (url: string) => {
  const events = await fetch(`${url}/internal/events?replay=200&types=endpoint.wake&samples=false`)
  const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes('"last_event_id"')) text += (await reader?.read())?.value ?? ''
  // What is replayed follows the greeting at once.
  await new Promise((resolve) => setTimeout(resolve, 200))
  const more = await Promise.race([
    reader?.read(),
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 500)),
  ])
  await reader?.cancel()
  return [...(text + (more?.value ?? '')).matchAll(/"state":"(\w+)"/g)].map(([, state]) => state)
}

for (const engine of engines) {
  describe(`an endpoint with a mac (${engine})`, () => {
    it('is woken by the first request for a model that nothing else has, and answers it', async (t) => {
      const box = await machine(t)
      const gateway = await startGateway(
        t,
        [{ url: box.url, name: 'box', type: 'ollama', mac, wake: box.wake }],
        {
          proxy: engineOf(engine),
        },
        { awaitRoutable: 0 },
      )
      const answers = Promise.all(
        Array.from({ length: 5 }, async () => {
          const answer = await postChat(gateway.url, { model: 'a' })
          return [answer.status, await answer.text()] as const
        }),
      )
      await eventually(() => box.lan.packets.length > 0)
      assert.equal(box.lan.packets[0]?.toString('hex'), `ffffffffffff${'02005e100001'.repeat(16)}`)
      assert.equal(box.lan.packets.length, 1)
      await box.start()
      for (const [status, body] of await answers) assert.equal(status, 200, body)
      await eventually(async () => (await states(gateway.url)).includes('awake'))
    })

    it('is woken when it has gone to sleep; the request fails in time if it stays down', async (t) => {
      const box = await machine(t)
      const running = await box.start()
      const endpoint = { url: box.url, name: 'box', type: 'ollama', mac, wake: { ...box.wake, wait: '2s' } }
      const gateway = await startGateway(t, [endpoint], {
        proxy: { ...engineOf(engine), outage_wait: '100ms' },
      })
      await running.close()
      await eventually(async () => (await gateway.status())[0]?.status === 'offline')
      assert.equal(box.lan.packets.length, 0)
      const startedMs = performance.now()
      const refused = await postChat(gateway.url, { model: 'a' })
      await refused.text()
      const waitedMs = performance.now() - startedMs
      assert.ok([502, 503].includes(refused.status), String(refused.status))
      assert.ok(waitedMs >= 1_900, `waited ${waitedMs} ms`)
      assert.ok(box.lan.packets.length >= 1 && box.lan.packets.length <= 4)
      const pending = postChat(gateway.url, { model: 'a' })
      await new Promise((resolve) => setTimeout(resolve, 300))
      await box.start()
      const answer = await pending
      await answer.text()
      assert.equal(answer.status, 200)
    })

    it('sleeps on while another endpoint can serve', async (t) => {
      const box = await machine(t)
      const running = await box.start()
      const other = await withSimulator(t, { kind: 'ollama', name: 'other', models: ['a'] })
      const gateway = await startGateway(
        t,
        [
          { url: box.url, name: 'box', type: 'ollama', mac, wake: box.wake },
          { url: other.url, name: 'other', type: 'ollama' },
        ],
        { proxy: engineOf(engine) },
      )
      await running.close()
      for (let at = 0; at < 5; at++) {
        const answer = await postChat(gateway.url, { model: 'a' })
        await answer.text()
        assert.equal(answer.status, 200)
      }
      assert.equal(box.lan.packets.length, 0)
    })
  })
}
