import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat, type RunningGateway } from '../support/gateway.ts'
import { type RunningRedis, startRedis, whyNoRedis } from '../support/redis.ts'
import { clusterOf, startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false

async function start(t: TestContext, redis: RunningRedis, limits: Record<string, unknown>, answerMs = 1) {
  const endpoint = await startBusyEndpoint(t, answerMs)
  const { key, entry } = configuredKey('ci', { limits })
  const replicas = await startReplicas(t, redis, [{ url: endpoint.url }], {
    sections: { callers: { secret: callersSecret, keys: [entry] } },
  })
  const ask = async (replica: RunningGateway | undefined, extra: Record<string, unknown> = {}) => {
    const response = await postChat(replica?.url ?? '', extra, { headers: bearer(key) })
    await response.text()
    return response
  }
  const askAll = async (count: number, extra: Record<string, unknown> = {}) => {
    const responses = await Promise.all(
      Array.from({ length: count }, (_, index) => ask(replicas[index % replicas.length], extra)),
    )
    return responses.map(({ status }) => status)
  }
  return { endpoint, replicas, ask, askAll }
}

const countOf = (statuses: readonly number[], status: number) =>
  statuses.filter((each) => each === status).length

describe('limits over several replicas', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('let exactly as many requests through as one gateway would', async (t) => {
    const { askAll, ask, replicas, endpoint } = await start(t, redis, { requests_per_minute: 20 })
    const statuses = await askAll(60)
    assert.equal(countOf(statuses, 200), 20)
    assert.equal(countOf(statuses, 429), 40)
    assert.equal(endpoint.seen.answered, 20)
    for (const replica of replicas) {
      const refused = await ask(replica)
      assert.equal(refused.status, 429)
      const seconds = Number(refused.headers.get('retry-after'))
      assert.ok(seconds > 0 && seconds <= 65, String(seconds))
    }
  })

  it('reserve the tokens that requests in progress may use, over all replicas', async (t) => {
    const budgets = [{ amount: 1_000, unit: 'tokens', period: 'day' }]
    const { askAll } = await start(t, redis, { budgets }, 1_000)
    const statuses = await askAll(30, { max_tokens: 190 })
    assert.ok(countOf(statuses, 200) <= 5, `${countOf(statuses, 200)} of 1000 tokens with 190 each`)
    assert.ok(countOf(statuses, 200) >= 4)
    assert.equal(countOf(statuses, 200) + countOf(statuses, 429), 30)
  })

  it('bound the requests of a key at a time, and free what is over', async (t) => {
    // All are sent before the first is answered, also on a busy machine.
    const { askAll, ask, endpoint, replicas } = await start(t, redis, { max_concurrent: 5 }, 3_000)
    const statuses = await askAll(60)
    endpoint.answerMs = 10
    assert.equal(endpoint.seen.max, 5)
    assert.ok(countOf(statuses, 200) >= 5, String(countOf(statuses, 200)))
    for (const replica of replicas) await eventually(async () => (await ask(replica)).status === 200)
  })

  it('give back what a refused request has reserved', async (t) => {
    const { ask, replicas } = await start(t, redis, {
      requests_per_minute: 100,
      budgets: [{ amount: 100, unit: 'tokens', period: 'day' }],
    })
    for (let turn = 0; turn < 10; turn++) {
      const { status } = await ask(replicas[turn % 3], { max_tokens: 100_000 })
      assert.equal(status, 429)
    }
    const allowed = await ask(replicas[0], { max_tokens: 20 })
    assert.equal(allowed.status, 200)
    assert.equal(allowed.headers.get('x-ratelimit-remaining-requests'), '99')
  })

  it('show what all replicas have used, on each of them', async (t) => {
    const { askAll, replicas } = await start(t, redis, {
      requests_per_minute: 100,
      budgets: [{ amount: 100_000, unit: 'tokens', period: 'day' }],
      max_concurrent: 50,
    })
    assert.deepEqual(await askAll(12), Array(12).fill(200))
    const shown = async (replica: RunningGateway) => {
      const response = await fetch(`${replica.url}/internal/admin/limits`)
      const page = (await response.json()) as {
        is_shared: boolean
        subjects: { limits: { field: string; used: number; resets_at: string | null }[] }[]
      }
      const limits = page.subjects[0]?.limits ?? []
      const usedOf = (name: string) => limits.find(({ field }) => field === name)?.used ?? -1
      return {
        isShared: page.is_shared,
        requests: usedOf('requests_per_minute'),
        tokens: usedOf('budgets'),
        slots: usedOf('max_concurrent'),
      }
    }
    for (const replica of replicas) {
      await eventually(async () => {
        const { isShared, requests, tokens, slots } = await shown(replica)
        return isShared && requests === 12 && tokens > 0 && tokens % 12 === 0 && slots === 0
      })
    }
    const [first, ...others] = await Promise.all(replicas.map(shown))
    for (const other of others) assert.deepEqual(other, first)
  })

  it('are shares while the server is away, and are exact again when it is back', async (t) => {
    const own = await startRedis()
    const { ask, askAll, replicas } = await start(t, own, { requests_per_minute: 30 })
    assert.deepEqual(await askAll(6), Array(6).fill(200))
    await own.kill()
    for (const replica of replicas) await eventually(async () => (await clusterOf(replica)).state === 'away')
    // Each has a third of it, and has used two.
    let passed = 6
    for (let turn = 0; turn < 20; turn++) if ((await ask(replicas[0])).status === 200) passed++
    assert.equal(passed, 6 + 8)
    await own.start()
    for (const replica of replicas)
      await eventually(async () => (await clusterOf(replica)).state === 'joined')
    // What was used meanwhile is added.
    passed += countOf(await askAll(60), 200)
    assert.ok(passed <= 36 && passed >= 30, `${passed} of 30, with up to 6 that the server has lost`)
  })
})
