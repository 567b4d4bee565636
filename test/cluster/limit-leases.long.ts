/** Replicas that lease what limits have left, on a real server: no limit is exceeded, and none refuses early. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { seeded } from '../../bench/affinity/random.ts'
import type { ScriptCall } from '../../src/cluster/connection/script-runner.ts'
import type { CountedLimit, LimitGroup, LimitSettlement } from '../../src/cluster/contract/limits.ts'
import { LimitDesk } from '../../src/cluster/limits/limit-desk.ts'
import { Newsroom } from '../../src/cluster/membership/newsroom.ts'
import { fleetKeys } from '../../src/cluster/scripts/keys.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { nextPrefix } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
/** A request waits for the server as long as it takes: what is tested does not depend on the machine. */
const timeoutMs = 10_000

const limitOf = (key: string, limit: number): CountedLimit => ({
  ...{ key, limit, bucketMs: 0, span: 0, bucket: 7, ttlMs: 60_000 },
})

describe('leases of limits', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return
  const { url } = redis

  /** @param loses whether the answer to a call is lost, after the server has run it */
  async function fleet(count: number, loses: () => boolean = () => false) {
    const keys = fleetKeys(nextPrefix())
    const client = await createClient({ url, RESP: 3 }).connect()
    const calls = { made: 0, lost: 0 }
    const answers: string[] = []
    const replicas = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const id = `r${index}`
        const own = await createClient({ url, RESP: 3 }).connect()
        const listener = await createClient({ url, RESP: 3 }).connect()
        after(() => {
          own.destroy()
          listener.destroy()
        })
        await own.hSet(keys.calls(id, '1'), 'epoch', '1')
        await own.zAdd(keys.alive, { score: Date.now() + 600_000, value: id })
        const desk = new LimitDesk({
          clock: systemClock,
          timeoutMs,
          onLoss: () => assert.fail('the server has lost nothing'),
          cluster: {
            publish: () => undefined,
            runInBackground: () => assert.fail('nothing to compare'),
            ...{
              id,
              keys,
              callsKey: keys.calls(id, '1'),
              state: 'joined',
              epoch: '1',
              rejoin: () => undefined,
            },
            async run({ script, keys: names, args }: ScriptCall) {
              calls.made++
              const reply = await own.eval(script.source, { keys: [...names], arguments: [...args] })
              if (Array.isArray(reply)) answers.push(String(reply[1]))
              if (!loses()) return reply
              calls.lost++
              throw new Error('timeout')
            },
          },
        })
        const news = new Newsroom(id)
        news.on('limits', (message) => desk.news(message))
        await listener.subscribe(keys.news, (text) => news.receive(text))
        return desk
      }),
    )
    after(() => client.destroy())
    const stored = async (key: string) => {
      const values = await client.hVals(`${keys.limits}${key}`)
      return values.reduce((sum, each) => sum + Number(each), 0)
    }
    const slots = async () => (await client.hVals(keys.slots)).reduce((sum, each) => sum + Number(each), 0)
    /** Names of what a replica has leased, as the others see it. */
    const leased = async (id: string) => {
      const rows = await client.zRangeByScore(keys.leases, Date.now(), '+inf')
      return rows.map((row) => row.split('\n')).flatMap(([name = '', by]) => (by === id ? [name] : []))
    }
    return { replicas, calls, answers, stored, slots, leased }
  }

  it('let exactly the limit through, with fewer calls than requests', async () => {
    const limit = 5_000
    const { replicas, calls, stored, slots } = await fleet(3)
    const group: LimitGroup = { limits: [limitOf('k', limit)], slots: [{ key: 's', limit: 60 }] }
    const seen = { passed: 0, refused: 0, open: 0, max: 0, bySlot: 0 }
    await Promise.all(
      Array.from({ length: 30 }, async (_, client) => {
        const desk = replicas[client % 3] ?? assert.fail()
        for (let turn = 0; turn < 250; turn++) {
          const verdict = await desk.decide({ group, amounts: [1], known: [0] }, 0)
          if (verdict.kind === 'slot') seen.bySlot++
          else if (verdict.kind !== 'reserved') seen.refused++
          else {
            seen.passed++
            seen.max = Math.max(seen.max, ++seen.open)
            await wait(0)
            seen.open--
            desk.settle({ group, buckets: verdict.buckets, amounts: [0], holdsSlots: true }, 0)
          }
        }
      }),
    )
    assert.deepEqual({ passed: seen.passed, refused: seen.refused }, { passed: limit, refused: 2_500 })
    assert.equal(seen.bySlot, 0)
    assert.ok(seen.max <= 60, String(seen.max))
    // The last requests, and those that are refused, ask the server.
    assert.ok(calls.made < 7_500 / 2, `${calls.made} calls`)
    await eventually(async () => (await stored('k')) === limit && (await slots()) === 0)
  })

  it('give back what they have not used to a replica that needs it', async () => {
    const limit = 10_000
    const { replicas, stored, leased } = await fleet(2)
    const [busy = assert.fail(), other = assert.fail()] = replicas
    const group: LimitGroup = { limits: [limitOf('k', limit)], slots: [] }
    let used = 0
    await eventually(async () => {
      for (let turn = 0; turn < 20; turn++, used++) await busy.decide({ group, amounts: [1], known: [0] }, 0)
      return (await stored('k')) > used
    })
    const verdict = await other.decide({ group, amounts: [limit - used], known: [0] }, 0)
    assert.equal(verdict.kind, 'reserved')
    assert.equal(await stored('k'), limit)
    assert.deepEqual(await leased('r0'), [])
    const refused = await busy.decide({ group, amounts: [1], known: [0] }, 0)
    assert.equal(refused.kind, 'amount')
  })

  it('give back what they have not used when they stop', async () => {
    const { replicas, stored, slots } = await fleet(1)
    const [desk = assert.fail()] = replicas
    const group: LimitGroup = { limits: [limitOf('k', 10_000)], slots: [{ key: 's', limit: 1_000 }] }
    let used = 0
    await eventually(async () => {
      for (let turn = 0; turn < 20; turn++, used += 7) {
        const verdict = await desk.decide({ group, amounts: [10], known: [0] }, 0)
        const buckets = verdict.kind === 'reserved' ? verdict.buckets : undefined
        desk.settle({ group, buckets, amounts: [-3], holdsSlots: true }, 0)
      }
      return (await slots()) > 0
    })
    await desk.stop()
    assert.deepEqual([await stored('k'), await slots()], [used, 0])
  })

  it('count what requests have used once, though answers are lost', async () => {
    const random = seeded(5)
    const { replicas, calls, stored, slots } = await fleet(3, () => random() < 0.4)
    const budget = limitOf('budget', 10 ** 9)
    const requests = limitOf('requests', 10 ** 6)
    const group: LimitGroup = { limits: [budget, requests], slots: [{ key: 's', limit: 1_000 }] }
    const used = { tokens: 0, requests: 0, unsure: 0 }
    await Promise.all(
      Array.from({ length: 24 }, async (_, client) => {
        const desk = replicas[client % 3] ?? assert.fail()
        for (let turn = 0; turn < 200; turn++) {
          const reserves = 1 + Math.floor(random() * 100)
          const uses = Math.floor(random() * 120)
          const verdict = await desk.decide({ group, amounts: [reserves, 1], known: [0, 0] }, 0)
          assert.ok(verdict.kind === 'reserved' || verdict.kind === 'away', verdict.kind)
          if (verdict.kind === 'away') {
            used.unsure++
            desk.taken(['s'], 0)
          }
          await wait(0)
          used.tokens += uses
          used.requests++
          const settlement: LimitSettlement =
            verdict.kind === 'reserved'
              ? { group, buckets: verdict.buckets, amounts: [uses - reserves, 0], holdsSlots: true }
              : {
                  ...{ group, buckets: undefined, amounts: [uses, 1], holdsSlots: true },
                  ticket: verdict.ticket,
                }
          desk.settle(settlement, 0)
        }
      }),
    )
    assert.ok(calls.lost > 5 && used.unsure > 20, JSON.stringify({ calls, used }))
    await eventually(
      async () =>
        (await stored('budget')) === used.tokens &&
        (await stored('requests')) === used.requests &&
        (await slots()) === 0,
    )
  })

  it('end with the bucket that they are counted in', async () => {
    const { replicas, answers } = await fleet(1)
    const [desk = assert.fail()] = replicas
    const bucketMs = 100
    const rolling: CountedLimit = { ...limitOf('k', 10 ** 6), bucketMs, span: 12 }
    const group: LimitGroup = { limits: [rolling], slots: [] }
    const leases = () =>
      answers.flatMap((answer) => {
        const [[bucket], , ...rows] = JSON.parse(answer) as [[number], 1, ...[number, number][]]
        return rows.map(([, ms]) => ({ bucket, ms }))
      })
    await eventually(async () => {
      for (let turn = 0; turn < 1_000; turn++) await desk.decide({ group, amounts: [1], known: [0] }, 0)
      return new Set(leases().map(({ bucket }) => bucket)).size > 5
    })
    for (const { ms } of leases()) assert.ok(ms >= 10 && ms <= bucketMs, `${ms} ms`)
  })
})
