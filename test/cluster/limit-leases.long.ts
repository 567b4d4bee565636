/** Replicas that lease what limits have left, on a real server: no limit is exceeded, and none refuses early. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { seeded } from '../../bench/affinity/random.ts'
import type { CountedLimit, LimitGroup, LimitSettlement } from '../../src/cluster/contract/limits.ts'
import { limitFleet } from '../support/limit-fleet.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const limitOf = (key: string, limit: number): CountedLimit => ({
  ...{ key, limit, bucketMs: 0, span: 0, bucket: 7, ttlMs: 60_000 },
})

describe('leases of limits', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return
  const { url } = redis

  const fleet = (count: number, loses?: () => boolean) => limitFleet(url, count, { loses })

  it('let exactly the limit through, with fewer calls than requests', async () => {
    const limit = 5_000
    const { replicas, calls, stored, slots } = await fleet(3)
    const group: LimitGroup = { limits: [limitOf('k', limit)], slots: [{ key: 's', limit: 60 }] }
    const seen = { passed: 0, refused: 0, open: 0, max: 0, bySlot: 0 }
    await Promise.all(
      Array.from({ length: 30 }, async (_, client) => {
        const desk = replicas[client % 3] ?? assert.fail()
        for (let turn = 0; turn < 250; turn++) {
          const verdict = await desk.decide({ group, amounts: [1], known: [0], decided: 0 }, 0)
          if (verdict.kind === 'slot') seen.bySlot++
          else if (verdict.kind !== 'reserved') seen.refused++
          else {
            seen.passed++
            seen.max = Math.max(seen.max, ++seen.open)
            await wait(0)
            seen.open--
            desk.settle({ group, buckets: verdict.buckets, amounts: [0], slots: 1 }, 0)
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
      for (let turn = 0; turn < 20; turn++, used++)
        await busy.decide({ group, amounts: [1], known: [0], decided: 0 }, 0)
      return (await stored('k')) > used
    })
    const verdict = await other.decide({ group, amounts: [limit - used], known: [0], decided: 0 }, 0)
    assert.equal(verdict.kind, 'reserved')
    assert.equal(await stored('k'), limit)
    assert.deepEqual(await leased('r0'), [])
    const refused = await busy.decide({ group, amounts: [1], known: [0], decided: 0 }, 0)
    assert.equal(refused.kind, 'amount')
  })

  it('give back what they have not used when they stop', async () => {
    const { replicas, stored, slots } = await fleet(1)
    const [desk = assert.fail()] = replicas
    const group: LimitGroup = { limits: [limitOf('k', 10_000)], slots: [{ key: 's', limit: 1_000 }] }
    let used = 0
    await eventually(async () => {
      for (let turn = 0; turn < 20; turn++, used += 7) {
        const verdict = await desk.decide({ group, amounts: [10], known: [0], decided: 0 }, 0)
        const buckets = verdict.kind === 'reserved' ? verdict.buckets : undefined
        desk.settle({ group, buckets, amounts: [-3], slots: 1 }, 0)
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
          const verdict = await desk.decide({ group, amounts: [reserves, 1], known: [0, 0], decided: 0 }, 0)
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
              ? { group, buckets: verdict.buckets, amounts: [uses - reserves, 0], slots: 1 }
              : {
                  ...{ group, buckets: undefined, amounts: [uses, 1], slots: 1 },
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
      for (let turn = 0; turn < 1_000; turn++)
        await desk.decide({ group, amounts: [1], known: [0], decided: 0 }, 0)
      return new Set(leases().map(({ bucket }) => bucket)).size > 5
    })
    for (const { ms } of leases()) assert.ok(ms >= 10 && ms <= bucketMs, `${ms} ms`)
  })
})
