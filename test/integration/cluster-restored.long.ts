/** Limits when the server goes back to what it was: restored from an old dump, or replaced by a replica that lagged. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat } from '../support/gateway.ts'
import { type RunningRedis, redisPrograms, startRedis, whyNoRedis } from '../support/redis.ts'
import { clusterOf, startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const memberMs = 400

async function start(t: TestContext, redis: RunningRedis, limits: Record<string, unknown>) {
  const endpoint = await startBusyEndpoint(t, 1)
  const { key, entry } = configuredKey('ci', { limits })
  const replicas = await startReplicas(t, redis, [{ url: endpoint.url }], {
    sections: { callers: { secret: callersSecret, keys: [entry] } },
    cluster: { retry_interval: '100ms', heartbeat: '100ms', member_timeout: `${memberMs}ms` },
  })
  /** How many of these pass, sent to some of the replicas in turn. */
  async function passed(count: number, to: readonly number[] = [0, 1, 2]): Promise<number> {
    let allowed = 0
    for (let turn = 0; turn < count; turn++) {
      const { url } = replicas[to[turn % to.length] ?? 0] ?? assert.fail()
      const response = await postChat(url, { max_tokens: 10 }, { headers: bearer(key) })
      await response.text()
      assert.ok(response.status === 200 || response.status === 429, String(response.status))
      if (response.status === 200) allowed++
    }
    return allowed
  }
  const inState = async (state: string) => {
    for (const replica of replicas)
      await eventually(async () => {
        const view = await clusterOf(replica)
        return view.state === state && (state !== 'joined' || view.members.length === replicas.length)
      })
  }
  return { replicas, passed, inState }
}

for (const program of skip === false ? redisPrograms : [])
  describe(`a server that goes back (${program.name})`, () => {
    it('lets nothing pass that the replicas saw used up after the dump', async (t) => {
      const redis = await startRedis([], program)
      const { passed, inState } = await start(t, redis, { requests_per_minute: 30 })
      assert.equal(await passed(9), 9)
      assert.match(await redis.command('SAVE'), /OK/)
      assert.equal(await passed(21), 21)
      await redis.kill()
      await inState('away')
      await redis.start()
      await inState('joined')
      // At first each keeps to its share too.
      const sinceMs = performance.now()
      do assert.equal(await passed(6), 0)
      while (performance.now() - sinceMs < 2 * memberMs)
    })

    it('has at once what one replica alone saw, also if no connection was lost', async (t) => {
      const redis = await startRedis([], program)
      const budgets = [{ amount: 600, unit: 'tokens', period: 'day' }]
      const { passed } = await start(t, redis, { requests_per_minute: 1_000, budgets })
      const before = await passed(400, [0])
      assert.ok(before > 0 && before < 400, String(before))
      // As after a failover to a server that lagged: memberships are there, the last calls are not.
      const keys = async (name: string) =>
        (await redis.command('KEYS', `*:{fleet}:${name}:*`)).match(/\S+:\{fleet\}:\S+/g) ?? []
      const calls = await keys('calls')
      assert.equal(calls.length, 3)
      for (const key of calls) await redis.command('HSET', key, 'limits', '0')
      assert.match(await redis.command('DEL', ...(await keys('limit'))), /:\d/)
      assert.equal(await passed(1, [0]), 0)
      assert.equal(await passed(30, [1, 2]), 0)
    })
  })

it('is tested', { skip }, () => assert.ok(redisPrograms.length > 0))
