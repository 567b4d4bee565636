/** Answers of the server that are lost: what their calls have done counts once. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { limitsScript } from '../../src/cluster/scripts/limits.ts'
import { placesScript } from '../../src/cluster/scripts/places.ts'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat } from '../support/gateway.ts'
import { redisPrograms, startRedis, whyNoRedis } from '../support/redis.ts'
import { startRedisProxy } from '../support/redis-proxy.ts'
import { ask, clusterOf, startReplicas } from '../support/replicas.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const usage = { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 }

interface Load {
  readonly served: number
  readonly refused: number
  readonly other: readonly number[]
}

for (const program of skip === false ? redisPrograms : []) {
  describe(`answers that are lost (${program.name})`, async () => {
    const redis = await startRedis([], program)

    async function start(
      t: TestContext,
      limits: Record<string, unknown>,
      cluster: Record<string, unknown> = {},
    ) {
      const proxy = await startRedisProxy(t, redis.port)
      const endpoint = await startScriptedEndpoint(t, ['m'], () => ({
        body: { object: 'chat.completion', choices: [{ message: { content: 'hello' } }], usage },
      }))
      const { key, entry } = configuredKey('ci', { limits })
      const replicas = await startReplicas(t, proxy, [{ url: endpoint.url }], {
        sections: { callers: { secret: callersSecret, keys: [entry] } },
        cluster: { retry_interval: '50ms', ...cluster },
      })
      /** Sends requests from some clients until there are enough. */
      const load = async (clients: number, isEnough: (sent: number) => boolean): Promise<Load> => {
        const statuses: number[] = []
        let sent = 0
        await Promise.all(
          Array.from({ length: clients }, async (_, index) => {
            while (!isEnough(sent)) {
              sent++
              const { url } = replicas[index % 3] ?? assert.fail()
              const response = await postChat(url, { max_tokens: 100 }, { headers: bearer(key) })
              await response.text()
              statuses.push(response.status)
            }
          }),
        )
        return {
          served: statuses.filter((status) => status === 200).length,
          refused: statuses.filter((status) => status === 429).length,
          other: statuses.filter((status) => status !== 200 && status !== 429),
        }
      }
      return { proxy, replicas, load, endpoint }
    }

    /** What the server has counted, over all buckets of a limit. */
    async function counted(name: RegExp): Promise<number> {
      const reply = await redis.command('KEYS', `test${process.pid}-*limit:*`)
      const keys = reply.match(/^test.*(?=\r$)/gm) ?? []
      let sum = 0
      for (const key of keys.filter((each) => name.test(each))) {
        const values = (await redis.command('HVALS', key)).match(/^\d+(?=\r$)/gm) ?? []
        sum += values.map(Number).reduce((total, each) => total + each, 0)
      }
      return sum
    }

    it('let exactly the limit through when 100 connections are cut under load', async (t) => {
      await redis.command('FLUSHALL')
      const limit = 300
      // Long enough for another connection on a machine that is busy with other things.
      const { proxy, load, endpoint, replicas } = await start(
        t,
        { requests_per_minute: limit },
        { timeout: '5s' },
      )
      proxy.cuts = { text: limitsScript.sha, every: 3 }
      const { served, other } = await load(24, (sent) => sent >= 2 * limit && proxy.seen.cut >= 100)
      proxy.cuts = undefined
      const views = await Promise.all(replicas.map(clusterOf))
      const timeouts = views.reduce((sum, each) => sum + each.timeouts, 0)
      t.diagnostic(`${proxy.seen.cut} cuts in ${proxy.seen.passed} calls, ${timeouts} timeouts`)
      assert.deepEqual(other, [])
      assert.equal(served, limit)
      assert.equal(endpoint.calls.length, limit)
      assert.equal(await counted(/requests/), limit)
    })

    it('count the tokens of each request once', async (t) => {
      await redis.command('FLUSHALL')
      const budgets = [{ amount: 1_000_000, unit: 'tokens', period: 'day' }]
      const { proxy, load } = await start(t, { budgets })
      proxy.cuts = { text: limitsScript.sha, every: 2 }
      const { served, refused, other } = await load(12, (sent) => sent >= 300 && proxy.seen.cut >= 100)
      proxy.cuts = undefined
      assert.deepEqual({ refused, other }, { refused: 0, other: [] })
      await eventually(async () => (await counted(/budget/)) === served * usage.total_tokens)
    })

    it('count each request once when answers are too late', async (t) => {
      await redis.command('FLUSHALL')
      const limits = { requests_per_minute: 100_000, max_concurrent: 1_000 }
      const { proxy, load, replicas } = await start(t, limits, { timeout: '20ms' })
      let turns = 0
      const changes = setInterval(() => {
        proxy.delayMs = ++turns % 3 === 0 ? 60 : 0
      }, 100)
      t.after(() => clearInterval(changes))
      const { served, refused, other } = await load(9, () => turns >= 40)
      clearInterval(changes)
      proxy.delayMs = 0
      assert.deepEqual({ refused, other }, { refused: 0, other: [] })
      const timeouts = await Promise.all(replicas.map(async (each) => (await clusterOf(each)).timeouts))
      assert.ok(
        timeouts.every((count) => count > 0),
        timeouts.join(' '),
      )
      await eventually(async () => (await counted(/requests/)) === served)
    })

    it('exceed no max_concurrent when 100 connections are cut under load', async (t) => {
      const proxy = await startRedisProxy(t, redis.port)
      const endpoint = await startBusyEndpoint(t, 5)
      const replicas = await startReplicas(t, proxy, [{ url: endpoint.url, max_concurrent: 5 }], {
        cluster: { retry_interval: '50ms' },
      })
      endpoint.seen.max = 0
      proxy.cuts = { text: placesScript.sha, every: 3 }
      const statuses: number[] = []
      await Promise.all(
        Array.from({ length: 15 }, async (_, index) => {
          while (proxy.seen.cut < 100) statuses.push(await ask(replicas[index % 3]))
        }),
      )
      proxy.cuts = undefined
      t.diagnostic(`${proxy.seen.cut} cuts in ${statuses.length} requests`)
      assert.deepEqual(
        statuses.filter((status) => status !== 200),
        [],
      )
      assert.ok(endpoint.seen.max <= 5, String(endpoint.seen.max))
      await eventually(async () => {
        const held = await Promise.all(replicas.map(heldBy))
        return held.reduce((sum, each) => sum + each, 0) <= 5
      })
    })
  })
}

async function heldBy(replica: Parameters<typeof clusterOf>[0]): Promise<number> {
  const { leases } = await clusterOf(replica)
  return leases[0]?.held ?? 0
}

it('is tested', { skip }, () => assert.ok(redisPrograms.length > 0))
