/** What replicas share, with each kind of gateway: engine, threads, and an app of a user. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type BusyEndpoint, startBusyEndpoint } from '../support/busy-endpoint.ts'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { startHost } from '../support/host.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { clusterOf, nextPrefix } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const places = 3
const perMinute = 20

interface Replica {
  readonly url: string
}
type Sections = Readonly<Record<string, Record<string, unknown>>>
type Start = (t: TestContext, boxes: readonly BusyEndpoint[], sections: Sections) => Promise<Replica>

const endpointsOf = (boxes: readonly BusyEndpoint[]) =>
  boxes.map(({ url }, index) => ({
    url,
    name: `box-${index}`,
    max_concurrent: index === 0 ? places : 0,
    check_timeout: '4s',
    check_interval: '5s',
  }))

const kinds: readonly { readonly name: string; readonly start: Start }[] = [
  {
    name: 'engine sherpa',
    start: (t, boxes, { proxy, ...sections }) =>
      startGateway(
        t,
        endpointsOf(boxes),
        { ...sections, proxy: { ...proxy, engine: 'sherpa' } },
        { threads: 1 },
      ),
  },
  {
    name: 'two threads',
    start: (t, boxes, sections) => startGateway(t, endpointsOf(boxes), sections, { threads: 2 }),
  },
  {
    name: 'plugin in an app, under a prefix',
    start: (t, boxes, sections) => startHost(t, endpointsOf(boxes), sections),
  },
]

/** Statuses of requests that go to one replica after the other. */
async function statusesOf(count: number, send: (index: number) => Promise<Response>): Promise<number[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const response = await send(index)
      await response.text()
      return response.status
    }),
  )
}

for (const { name, start } of kinds)
  describe(`replicas: ${name}`, { skip }, async () => {
    const redis = skip === false ? await startRedis() : undefined
    if (redis === undefined) return

    it('share limits, places, sessions and revocations, and serve without the server', async (t) => {
      const scarce = await startBusyEndpoint(t, 5, 'scarce')
      const boxes = await Promise.all([0, 1, 2].map(() => startBusyEndpoint(t, 1)))
      const any = configuredKey('any')
      const limited = configuredKey('limited', { limits: { requests_per_minute: perMinute } })
      const key_prefix = nextPrefix()
      const store = await storeFile()
      const replicas = await Promise.all(
        [0, 1, 2].map((index) =>
          start(t, [scarce, ...boxes], {
            proxy: { load_balancer: 'round-robin', sticky_sessions: { enabled: true, load_bound: 0 } },
            callers: {
              secret: callersSecret,
              keys: [any.entry, limited.entry],
              store,
              refresh_interval: '10m',
            },
            cluster: {
              ...{ redis: redis.url, key_prefix, replica_id: `r${index}`, timeout: '500ms' },
              ...{ heartbeat: '200ms', retry_interval: '100ms' },
            },
          }),
        ),
      )
      for (const replica of replicas)
        await eventually(async () => {
          const { state, members } = await clusterOf(replica)
          return state === 'joined' && members.length === replicas.length
        })
      const chat = (index: number, key: string, extra = {}, headers = {}) =>
        postChat(replicas[index % replicas.length]?.url ?? '', extra, {
          headers: { ...bearer(key), ...headers },
        })
      for (const index of [0, 1, 2])
        for (const model of ['m', 'scarce'])
          await eventually(async () => {
            const response = await chat(index, any.key, { model })
            await response.text()
            return response.status === 200
          })
      scarce.seen.max = 0

      await t.test('limits', async () => {
        const statuses = await statusesOf(60, (index) => chat(index, limited.key))
        assert.equal(statuses.filter((status) => status === 200).length, perMinute)
        assert.equal(statuses.filter((status) => status === 429).length, 60 - perMinute)
      })

      await t.test('places', async () => {
        const statuses = await statusesOf(60, (index) => chat(index, any.key, { model: 'scarce' }))
        assert.deepEqual(new Set(statuses), new Set([200]))
        assert.equal(scarce.seen.max, places)
      })

      await t.test('sessions', async () => {
        for (let session = 0; session < 6; session++) {
          const ask = async (index: number) => {
            const response = await chat(index, any.key, {}, { 'x-olla-session-id': `session ${session}` })
            await response.text()
            return response.headers.get('x-olla-endpoint')
          }
          const home = await ask(session)
          // The others learn it some milliseconds after the answer.
          await new Promise((resolve) => setTimeout(resolve, 200))
          for (const index of [0, 1, 2]) assert.equal(await ask(index), home)
        }
      })

      await t.test('revocations', async () => {
        const admin = adminOf(replicas[0]?.url ?? '')
        const { status, body } = await admin('POST', '/keys', { name: 'ci' })
        assert.equal(status, 201)
        const statusAt = async (index: number) =>
          (await statusesOf(1, () => chat(index, String(body.key))))[0]
        for (const index of [0, 1, 2]) await eventually(async () => (await statusAt(index)) === 200)
        assert.equal((await admin('DELETE', '/keys/ci')).status, 200)
        for (const index of [0, 1, 2]) await eventually(async () => (await statusAt(index)) === 401)
      })

      await t.test('an outage', async () => {
        await redis.kill()
        // Requests are under way while the replicas notice it.
        const during = await statusesOf(30, (index) => chat(index, any.key, { model: 'scarce' }))
        for (const replica of replicas)
          await eventually(async () => (await clusterOf(replica)).inexact.length > 0)
        const away = await statusesOf(30, (index) => chat(index, any.key, { model: 'scarce' }))
        await redis.start()
        for (const replica of replicas)
          await eventually(async () => (await clusterOf(replica)).state === 'joined')
        const back = await statusesOf(30, (index) => chat(index, any.key, { model: 'scarce' }))
        assert.deepEqual(new Set([...during, ...away, ...back]), new Set([200]))
      })
    })
  })
