/** What goes wrong with the server's data and its line while requests are under way. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { postChat, type RunningGateway } from '../support/gateway.ts'
import { type RunningRedis, redisPrograms, startRedis, whyNoRedis } from '../support/redis.ts'
import { startRedisProxy } from '../support/redis-proxy.ts'
import { clusterOf, startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
const places = 6
const keyLimit = 9

async function start(t: TestContext, redis: RunningRedis, cluster: Record<string, unknown> = {}) {
  const proxy = await startRedisProxy(t, redis.port)
  const scarce = await startBusyEndpoint(t, 8)
  const plain = await startBusyEndpoint(t, 8, 'plain')
  const any = configuredKey('any')
  const limited = configuredKey('limited', { limits: { max_concurrent: keyLimit } })
  const replicas = await startReplicas(
    t,
    proxy,
    [{ url: scarce.url, max_concurrent: places }, { url: plain.url }],
    {
      sections: { callers: { secret: callersSecret, keys: [any.entry, limited.entry] } },
      cluster: { retry_interval: '100ms', ...cluster },
    },
  )
  const statuses: number[] = []
  const failures: string[] = []
  let isOver = false
  const send = async (index: number, extra: Record<string, unknown>, key: string) => {
    const { url } = replicas[index % replicas.length] ?? assert.fail()
    const response = await postChat(url, extra, { headers: bearer(key) })
    const text = await response.text()
    if (response.status !== 200 && response.status !== 429) failures.push(`${response.status} ${text}`)
    return response.status
  }
  const clients = Array.from({ length: 24 }, async (_, index) => {
    const isPlain = index % 2 === 1
    while (!isOver) {
      const status = isPlain
        ? await send(index, { model: 'plain' }, limited.key)
        : await send(index, {}, any.key)
      // More want slots of the key than there are.
      if (!isPlain || status !== 429) statuses.push(status)
    }
  })
  return {
    proxy,
    replicas,
    scarce,
    plain,
    statuses,
    /** Waits for so many answers. */
    async more(count: number) {
      const before = statuses.length
      await eventually(() => statuses.length >= before + count, { timeoutMs: 60_000 })
    },
    async joined() {
      for (const replica of replicas)
        await eventually(
          async () => {
            const { state, members } = await clusterOf(replica)
            return state === 'joined' && members.length === replicas.length
          },
          { timeoutMs: 60_000 },
        )
    },
    async stop() {
      isOver = true
      await Promise.all(clients)
      assert.deepEqual(failures, [])
      assert.ok(statuses.every((status) => status === 200))
    },
  }
}

async function stateOf(replicas: readonly RunningGateway[], state: string): Promise<void> {
  for (const replica of replicas)
    await eventually(async () => (await clusterOf(replica)).state === state, { timeoutMs: 30_000 })
}

for (const program of skip === false ? redisPrograms : []) {
  describe(`faults under load (${program.name})`, async () => {
    it('a server that is flushed again and again: nothing fails, and nothing is given twice', async (t) => {
      const redis = await startRedis([], program)
      const { scarce, plain, more, joined, stop } = await start(t, redis)
      await more(100)
      for (const { seen } of [scarce, plain]) seen.max = 0
      for (let turn = 0; turn < 5; turn++) {
        await redis.command('FLUSHALL')
        await more(80)
        await joined()
      }
      await stop()
      assert.ok(scarce.seen.max <= places, `${scarce.seen.max} of ${places} places`)
      assert.ok(plain.seen.max <= keyLimit, `${plain.seen.max} of ${keyLimit} slots`)
    })

    it('an old dump that is restored: no places twice, no negative counts', async (t) => {
      const redis = await startRedis([], program)
      const { scarce, plain, more, joined, stop, replicas } = await start(t, redis)
      await more(100)
      assert.match(await redis.command('SAVE'), /OK/)
      await more(100)
      for (const { seen } of [scarce, plain]) seen.max = 0
      await redis.kill()
      await stateOf(replicas, 'away')
      await redis.start()
      await joined()
      await more(200)
      await stop()
      assert.ok(scarce.seen.max <= places, `${scarce.seen.max} of ${places} places`)
      assert.ok(plain.seen.max <= keyLimit, `${plain.seen.max} of ${keyLimit} slots`)
      await eventually(async () => {
        const keys = (await redis.command('KEYS', '*slots')).match(/\S+:slots/g) ?? []
        const values = await Promise.all(keys.map((key) => redis.command('HVALS', key)))
        assert.doesNotMatch(values.join(' '), /^-\d/m)
        // No request is in progress any more.
        return values.every((text) => !/^[1-9]\d*\r$/m.test(text))
      })
    })

    it('a server that answers too late: requests go on without it', async (t) => {
      const redis = await startRedis([], program)
      const { proxy, replicas, more, joined, stop } = await start(t, redis, { timeout: '20ms' })
      await more(50)
      proxy.delayMs = 300
      await stateOf(replicas, 'away')
      await more(100)
      // Too late is as good as never, for as long as it is so.
      await stateOf(replicas, 'away')
      proxy.delayMs = 0
      await joined()
      await more(50)
      await stop()
    })

    it('a line that is dead, and whose calls arrive later: they change nothing any more', async (t) => {
      const redis = await startRedis([], program)
      const { proxy, replicas, scarce, plain, more, joined, stop } = await start(t, redis)
      await more(50)
      for (let turn = 0; turn < 3; turn++) {
        proxy.isSilent = true
        await stateOf(replicas, 'away')
        for (const replica of replicas)
          await eventually(async () => (await clusterOf(replica)).leases[0]?.allowed === places / 3)
        await more(60)
        for (const { seen } of [scarce, plain]) seen.max = 0
        proxy.isSilent = false
        await joined()
        await more(100)
        assert.ok(scarce.seen.max <= places, `${scarce.seen.max} of ${places} places`)
        assert.ok(plain.seen.max <= keyLimit, `${plain.seen.max} of ${keyLimit} slots`)
      }
      await stop()
    })
  })
}

it('is tested', { skip }, () => assert.ok(redisPrograms.length > 0))
