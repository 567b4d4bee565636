import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type BusyEndpoint, startBusyEndpoint } from '../support/busy-endpoint.ts'
import type { RunningGateway } from '../support/gateway.ts'
import { type RunningRedis, redisPrograms, startRedis, whyNoRedis } from '../support/redis.ts'
import { ask, clusterOf, startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

interface Outage {
  readonly name: string
  readonly begin: (redis: RunningRedis) => Promise<unknown>
  readonly end: (redis: RunningRedis) => Promise<unknown>
  readonly reason: RegExp
}

const outages: readonly Outage[] = [
  {
    name: 'is killed and starts again without its data',
    begin: (redis) => redis.kill(),
    end: (redis) => redis.start(),
    reason: /./,
  },
  {
    name: 'freezes',
    begin: async (redis) => redis.freeze(),
    end: async (redis) => redis.thaw(),
    reason: /timeout|not connected|Timeout/,
  },
  {
    name: 'is full',
    begin: (redis) => redis.command('CONFIG', 'SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction'),
    end: (redis) => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
    reason: /OOM/,
  },
  {
    name: 'becomes read-only',
    begin: (redis) => redis.command('REPLICAOF', '127.0.0.1', '1'),
    end: (redis) => redis.command('REPLICAOF', 'NO', 'ONE'),
    reason: /READONLY|MASTERDOWN/,
  },
  {
    name: 'refuses the password',
    begin: async (redis) => {
      await redis.command('CONFIG', 'SET', 'requirepass', 'other')
      await redis.kill()
      await redis.start(['--requirepass', 'other'])
    },
    end: async (redis) => {
      await redis.kill()
      await redis.start()
    },
    reason: /NOAUTH|WRONGPASS|ERR/,
  },
]

const skip = whyNoRedis ?? false
const limit = 6

/** Sends requests without a pause until it is stopped. */
function load(replicas: readonly RunningGateway[], clients: number) {
  const statuses: number[] = []
  let isOver = false
  const over = Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      while (!isOver) statuses.push(await ask(replicas[index % replicas.length]))
    }),
  )
  return {
    statuses,
    async stop() {
      isOver = true
      await over
    },
  }
}

async function survives(t: TestContext, redis: RunningRedis, outage: Outage): Promise<void> {
  const endpoint: BusyEndpoint = await startBusyEndpoint(t, 10)
  const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: limit }], {
    // A replica that returns waits as long for the others: on a busy machine one of them may be late.
    cluster: { retry_interval: '100ms', member_timeout: '4s' },
  })
  const running = load(replicas, 12)
  await eventually(() => running.statuses.length > 50 && endpoint.seen.max === limit)
  await outage.begin(redis)
  for (const replica of replicas) {
    await eventually(async () => {
      const { state, reason, inexact } = await clusterOf(replica)
      return state === 'away' && outage.reason.test(reason ?? '') && inexact.length > 0
    })
  }
  // Leases end; then each replica has its share.
  for (const replica of replicas)
    await eventually(async () => (await clusterOf(replica)).leases[0]?.allowed === limit / 3)
  const before = running.statuses.length
  await eventually(() => running.statuses.length > before + 50)
  endpoint.seen.max = 0
  await outage.end(redis)
  for (const replica of replicas) await eventually(async () => (await clusterOf(replica)).state === 'joined')
  const after = running.statuses.length
  await eventually(() => running.statuses.length > after + 200)
  await running.stop()
  assert.deepEqual(
    running.statuses.filter((status) => status !== 200),
    [],
    'no request fails',
  )
  assert.ok(endpoint.seen.max <= limit, `a burst of ${endpoint.seen.max} when the server was back`)
  // All of it can be used again.
  endpoint.seen.max = 0
  await eventually(async () => {
    await Promise.all(Array.from({ length: 20 }, () => ask(replicas[0])))
    return endpoint.seen.max === limit
  })
}

for (const program of skip === false ? redisPrograms : []) {
  describe(`a server that is away (${program.name})`, async () => {
    const redis = await startRedis([], program)
    for (const outage of outages) {
      it(`fails no request when it ${outage.name}`, (t) => survives(t, redis, outage))
    }
  })
}

it('is tested', { skip }, () => assert.ok(redisPrograms.length > 0))
