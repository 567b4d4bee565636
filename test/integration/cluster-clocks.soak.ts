/** Limits over replicas whose clocks differ, with lost and old data, and while the server cannot be used. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat } from '../support/gateway.ts'
import { type RunningRedis, redisPrograms, redisSession, startRedis, whyNoRedis } from '../support/redis.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startFleet } from '../support/replica-processes.ts'
import { clusterOf } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const hourMs = 3_600_000

interface FleetOptions {
  readonly limits: Readonly<Record<string, unknown>>
  /** What the clock of each replica is ahead. */
  readonly aheadMs?: readonly number[]
  readonly cluster?: Readonly<Record<string, unknown>>
}

async function start(t: TestContext, url: string, { limits, aheadMs = [], cluster = {} }: FleetOptions) {
  const endpoint = await startBusyEndpoint(t, 2)
  const ci = configuredKey('ci', { limits, owner: 'someone', team: 'all' })
  const any = configuredKey('any')
  const fleet = await startFleet(
    t,
    url,
    {
      callers: {
        secret: callersSecret,
        keys: [ci.entry, any.entry],
        owners: [{ name: 'someone', limits: { requests_per_minute: 10_000 } }],
        teams: [{ name: 'all', limits: { requests_per_minute: 10_000 } }],
      },
      discovery: {
        health: { slow_start: 0 },
        static: { endpoints: [{ url: endpoint.url, name: 'box', type: 'openai-compatible' }] },
      },
    },
    { cluster: { timeout: '500ms', retry_interval: '100ms', ...cluster }, aheadMs },
  )
  const ask = async (index: number, extra: Record<string, unknown> = {}, key = ci.key) => {
    const { url: to } = fleet.replicas[index % fleet.replicas.length] ?? assert.fail()
    const response = await postChat(to, extra, { headers: bearer(key) })
    await response.text()
    return response.status
  }
  for (const index of [0, 1, 2]) await eventually(async () => (await ask(index, {}, any.key)) === 200)
  /** How many of these pass. */
  async function passed(count: number, extra: Record<string, unknown> = {}): Promise<number> {
    const statuses: number[] = []
    for (let turn = 0; turn < count; turn++) statuses.push(await ask(turn, extra))
    assert.deepEqual(
      statuses.filter((status) => status !== 200 && status !== 429),
      [],
    )
    return statuses.filter((status) => status === 200).length
  }
  const inState = async (state: string) => {
    for (const replica of fleet.replicas)
      await eventually(async () => (await clusterOf(replica)).state === state, { timeoutMs: 30_000 })
  }
  return { fleet, ask, passed, inState, anyKey: any.key }
}

async function limitKeys(redis: RunningRedis): Promise<Map<string, number>> {
  const keys = (await redis.command('KEYS', `test${process.pid}-*:limit:*`)).match(/^test[^\r\n]+/gm) ?? []
  const ttls = new Map<string, number>()
  for (const key of keys) ttls.set(key, Number(/:(-?\d+)/.exec(await redis.command('PTTL', key))?.[1]))
  return ttls
}

for (const program of skip === false ? redisPrograms : [])
  describe(`limits and time (${program.name})`, async () => {
    const redis = await startRedis([], program)

    it('count over replicas whose clocks are an hour apart', async (t) => {
      const { passed } = await start(t, redis.url, {
        limits: { requests_per_minute: 30 },
        aheadMs: [-hourMs, 0, hourMs],
      })
      assert.equal(await passed(60), 30)
    })

    it("begin a day by the server's clock", async (t) => {
      // By their own clocks, it is yesterday, today and tomorrow.
      const tokens = 1_000
      const { passed } = await start(t, redis.url, {
        limits: { budgets: [{ amount: tokens, unit: 'tokens', period: 'day' }] },
        aheadMs: [-24 * hourMs, 0, 24 * hourMs],
      })
      assert.equal(await passed(3, { max_tokens: 100 }), 3)
      // Settled after the answer.
      await eventually(async () => {
        const keys = [...(await limitKeys(redis)).keys()].filter((key) => key.includes(':budget'))
        const raw = await redis.command('HGETALL', keys[0] ?? '')
        return keys.length === 1 && /^\*2\r\n/.test(raw)
      })
    })

    it('give every key of a limit a time to live, at most its window and a little', async (t) => {
      const { passed } = await start(t, redis.url, { limits: { requests_per_minute: 100 } })
      assert.equal(await passed(3), 3)
      const ttls = await limitKeys(redis)
      const rates = [...ttls].filter(([key]) => key.includes(':rate'))
      assert.ok(rates.length >= 1, [...ttls.keys()].join(' '))
      for (const [key, ttl] of rates) assert.ok(ttl > 0 && ttl <= 90_000, `${key}: ${ttl}`)
      for (const [key, ttl] of ttls) assert.ok(ttl > 0, `${key}: ${ttl}`)
    })

    it('refuse nothing because of an outage alone, and only beyond a share', async (t) => {
      const own = await startRedis([], program)
      const { passed, inState, ask, anyKey } = await start(t, own.url, {
        limits: { requests_per_minute: 30 },
      })
      for (const begin of [() => own.freeze(), () => own.kill()]) {
        await begin()
        await inState('away')
      }
      // Each has a third.
      assert.equal(await passed(30), 30)
      assert.equal(await passed(3), 0)
      for (let turn = 0; turn < 30; turn++) assert.equal(await ask(turn, {}, anyKey), 200)
    })

    it('go on when the server takes no more connections, and join when it does', async (t) => {
      const own = await startRedis([], program)
      const { fleet, passed, inState, ask, anyKey } = await start(t, own.url, {
        limits: { requests_per_minute: 300 },
      })
      // The only connection that the server keeps.
      const admin = await redisSession(t, own.port)
      assert.match(await admin('CONFIG', 'SET', 'maxclients', '1'), /OK/)
      for (const type of ['normal', 'pubsub'])
        assert.match(await admin('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'), /^:\d/)
      await inState('away')
      for (let turn = 0; turn < 30; turn++) assert.equal(await ask(turn, {}, anyKey), 200)
      assert.equal(await passed(30), 30)
      assert.match(await admin('CONFIG', 'SET', 'maxclients', '1000'), /OK/)
      await inState('joined')
      assert.equal(fleet.replicas.length, 3)
      assert.equal(await passed(6), 6)
    })

    it('count on a cluster of three nodes, for key, owner and team at once', async (t) => {
      const [first, ...others] = await startRedisCluster(program)
      const { passed, inState, fleet } = await start(t, first.url, {
        limits: { requests_per_minute: 20, max_concurrent: 5 },
        cluster: { topology: 'cluster', nodes: others.map(({ url }) => url) },
      })
      await inState('joined')
      assert.equal(await passed(40), 20)
      for (const replica of fleet.replicas) {
        const { state, timeouts } = await clusterOf(replica)
        assert.equal(`${state} ${timeouts}`, 'joined 0')
      }
    })
  })

it('is tested', { skip }, () => assert.ok(redisPrograms.length > 0))
