/** Keys of rules for models in memory, of machines that are woken, and of webhooks. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { callersSecret, configuredKey } from '../../support/callers.ts'
import { eventually } from '../../support/simulator.ts'
import { act, ask, type LiveCase, requestsOf, rowOf, type Scene, soon, statusOf } from './live-case.ts'

const endpoint = (name: string) => `discovery.static.endpoints[].${name}`
const alone = { model: 'only' }

/** Whether a condition comes true within the patience of the scene. */
async function comes({ patienceMs }: Scene, condition: () => boolean, leastMs = 0): Promise<boolean> {
  const deadlineMs = performance.now() + Math.max(patienceMs, leastMs)
  while (!condition() && performance.now() < deadlineMs) await setTimeout(20)
  return condition()
}

const studio = (loaded: boolean) => ({ kind: 'lm-studio', models: [{ name: 'only', loaded }] }) as const
const isLoaded = ({ first }: Scene) =>
  first.control.models().find(({ name }) => name === 'only')?.loaded === true
const rules = (settings: object) => ({ models: { check_interval: '1s', ...settings } })
const residency = { discovery: { residency_interval: '1s' } }
const warm = { keep_warm: [{ model: 'only' }] }

async function returns(scene: Scene): Promise<boolean> {
  scene.first.control.setModels([{ name: 'only', loaded: false }])
  return comes(scene, () => isLoaded(scene))
}

const mac = '02:00:5e:10:00:01'
const sockets = new Map<unknown, Awaited<ReturnType<typeof listener>>[]>()

async function listener(t: TestContext, address: string, port = 0) {
  const socket = createSocket('udp4')
  const packets: Buffer[] = []
  socket.on('message', (packet) => packets.push(packet))
  socket.bind(port, address)
  await once(socket, 'listening')
  t.after(() => socket.close())
  return { packets, address, port: socket.address().port }
}

async function freeDatagramPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

/** The machine is down: it has been asked and has not answered. */
async function goesDown(scene: Scene): Promise<void> {
  await scene.first.control.setFault({ kind: 'refuse' })
  await act(scene, 'probe')
  await eventually(async () => (await rowOf(scene)).status === 'offline')
}

const noOutage = { proxy: { outage_wait: 0 } }
const ports = { first: await freeDatagramPort(), second: await freeDatagramPort() }

/** Sends requests, and says which of the sockets get packets. */
const packetsAt = (places: readonly (readonly [address: string, port: number])[]) => ({
  arrange: async (scene: Scene) => {
    const opened = []
    for (const [address, port] of places) opened.push(await listener(scene.t, address, port))
    sockets.set(scene.gateway, opened)
    await goesDown(scene)
  },
  see: async (scene: Scene) => {
    const opened = sockets.get(scene.gateway) ?? []
    for (const { packets } of opened) packets.length = 0
    const some = () => opened.some(({ packets }) => packets.length > 0)
    await soon({ patienceMs: scene.patienceMs + 1_500 }, async (signal) => {
      // No packet follows another one at once.
      while (!some() && !signal.aborted) await statusOf(scene, alone)
    })
    return opened.findIndex(({ packets }) => packets.length > 0)
  },
})

const woken = (wake: object) => ({
  mac,
  wake: { address: '127.0.0.1', port: ports.first, interval: '1s', wait: '1s', ...wake },
})

const limited = (name: string) =>
  configuredKey(name, { limits: { budgets: [{ amount: 2, unit: 'tokens', period: 'month' }] } })
const keys = { before: limited('earlier'), after: limited('later') }
const callers = { secret: callersSecret, keys: [keys.before.entry, keys.after.entry] }

export const modelCases: readonly LiveCase[] = [
  {
    key: 'models.keep_warm',
    servers: studio(false),
    before: rules({}),
    after: rules(warm),
    see: (scene) => comes(scene, () => isLoaded(scene)),
    from: false,
    to: true,
  },
  {
    key: 'models.unload_after',
    servers: studio(true),
    before: rules({}),
    after: rules({ unload_after: [{ idle: '1s' }] }),
    see: (scene) => comes(scene, () => !isLoaded(scene)),
    from: false,
    to: true,
  },
  {
    key: 'models.check_interval',
    servers: studio(false),
    // What is in memory is read often, so that the check alone decides.
    before: { ...rules({ ...warm, check_interval: '1h' }), ...residency },
    after: { ...rules({ ...warm, check_interval: '1s' }), ...residency },
    see: returns,
    from: false,
    to: true,
  },
  {
    key: endpoint('mac'),
    before: noOutage,
    endpoint: { before: { wake: woken({}).wake }, after: woken({}) },
    ...packetsAt([['127.0.0.1', ports.first]]),
    from: -1,
    to: 0,
  },
  {
    key: endpoint('wake.address'),
    before: noOutage,
    endpoint: { before: woken({}), after: woken({ address: '127.0.0.2' }) },
    ...packetsAt([
      ['127.0.0.1', ports.first],
      ['127.0.0.2', ports.first],
    ]),
    from: 0,
    to: 1,
  },
  {
    key: endpoint('wake.port'),
    before: noOutage,
    endpoint: { before: woken({}), after: woken({ port: ports.second }) },
    ...packetsAt([
      ['127.0.0.1', ports.first],
      ['127.0.0.1', ports.second],
    ]),
    from: 0,
    to: 1,
  },
  {
    key: endpoint('wake.wait'),
    before: noOutage,
    endpoint: { before: woken({ wait: '60s' }), after: woken({ wait: '200ms' }) },
    arrange: goesDown,
    see: async (scene) => {
      const status = await statusOf(scene, alone)
      return status === 'pending' ? status : status >= 500
    },
    from: 'pending',
    to: true,
    isSteady: true,
  },
  {
    key: endpoint('wake.interval'),
    before: noOutage,
    endpoint: {
      before: woken({ wait: '60s', interval: '60s' }),
      after: woken({ wait: '60s', interval: '1s' }),
    },
    arrange: packetsAt([['127.0.0.1', ports.first]]).arrange,
    see: async (scene) => {
      const [socket] = sockets.get(scene.gateway) ?? []
      const before = socket?.packets.length ?? 0
      const controller = new AbortController()
      ask(scene, alone, { signal: controller.signal }).catch(() => {})
      const isRepeated = await comes(scene, () => (socket?.packets.length ?? 0) >= before + 2, 2_500)
      controller.abort()
      return isRepeated
    },
    from: false,
    to: true,
  },
  {
    key: 'callers.webhooks',
    before: { callers },
    after: ({ first }) => ({
      callers: {
        ...callers,
        webhooks: [{ url: `${first.url}/hook`, secret: 'the secret of a webhook in a test' }],
      },
    }),
    see: async (scene) => {
      const headers = { authorization: `Bearer ${keys[scene.phase].key}` }
      for (let request = 0; request < 4; request++) await ask(scene, {}, { headers })
      return comes(scene, () => requestsOf(scene, 'POST', '/hook').length > 0)
    },
    from: false,
    to: true,
  },
]
