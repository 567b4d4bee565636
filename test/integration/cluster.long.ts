import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { startGateway } from '../support/gateway.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { ask, clusterOf, startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false

describe('replicas with a shared server', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('never exceed max_concurrent together, and use all of it', async (t) => {
    const endpoint = await startBusyEndpoint(t, 15)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 5 }])
    const statuses = await Promise.all(
      Array.from({ length: 150 }, (_, index) => ask(replicas[index % replicas.length])),
    )
    assert.deepEqual(
      statuses.filter((status) => status !== 200),
      [],
    )
    assert.equal(endpoint.seen.max, 5)
    assert.equal(endpoint.seen.answered, 150)
  })

  it('take turns at an endpoint with one place', async (t) => {
    const endpoint = await startBusyEndpoint(t, 5)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 1 }])
    for (let turn = 0; turn < 9; turn++) assert.equal(await ask(replicas[turn % 3]), 200)
    // One replica alone keeps the endpoint busy; the others get their turns nevertheless.
    let isOver = false
    const busy = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!isOver) assert.equal(await ask(replicas[0]), 200)
      }),
    )
    for (let turn = 0; turn < 5; turn++) assert.equal(await ask(replicas[1 + (turn % 2)]), 200)
    isOver = true
    await busy
    assert.equal(endpoint.seen.max, 1)
  })

  it('make no call for a request when their places suffice', async (t) => {
    const endpoint = await startBusyEndpoint(t, 1)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 30 }])
    const [first] = replicas
    assert.ok(first !== undefined)
    for (let turn = 0; turn < 5; turn++) await ask(first)
    const before = await clusterOf(first)
    for (let turn = 0; turn < 50; turn++) await ask(first)
    const after = await clusterOf(first)
    assert.ok(after.calls - before.calls < 50, `${after.calls - before.calls} calls for 50 requests`)
  })

  it('give every key a time to live', async (t) => {
    const endpoint = await startBusyEndpoint(t, 1)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 2 }])
    await ask(replicas[0])
    const keys = (await redis.command('KEYS', `test${process.pid}-*`)).match(/test\d+-\d+:\S+/g) ?? []
    assert.ok(keys.length >= 4, keys.join(' '))
    for (const key of keys) {
      assert.match(key, /:\{fleet\}:/)
      const ttl = Number(/:(-?\d+)/.exec(await redis.command('PTTL', key))?.[1])
      assert.ok(ttl > 0 && ttl <= 300_000, `${key}: ${ttl}`)
    }
  })

  it('go on when the scripts of the server are flushed', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 2 }])
    for (let turn = 0; turn < 5; turn++) {
      await redis.command('SCRIPT', 'FLUSH')
      const statuses = await Promise.all(replicas.flatMap((replica) => [ask(replica), ask(replica)]))
      assert.ok(statuses.every((status) => status === 200))
    }
    assert.equal(endpoint.seen.max, 2)
    for (const replica of replicas) assert.equal((await clusterOf(replica)).state, 'joined')
  })

  it('go on when their connections are cut again and again', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 3 }], {
      cluster: { retry_interval: '50ms' },
    })
    for (let turn = 0; turn < 10; turn++) {
      await redis.command('CLIENT', 'KILL', 'TYPE', 'normal')
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      const statuses = await Promise.all(replicas.flatMap((replica) => [ask(replica), ask(replica)]))
      assert.ok(statuses.every((status) => status === 200))
    }
    for (const replica of replicas) {
      await eventually(async () => {
        const { state, members } = await clusterOf(replica)
        return state === 'joined' && members.length === 3
      })
    }
  })

  it('do not mix with members of another schema', async (t) => {
    const endpoint = await startBusyEndpoint(t, 1)
    const key_prefix = 'newer'
    // A member of a version to come.
    await redis.command('SET', `${key_prefix}:{fleet}:schema`, '99')
    await redis.command('ZADD', `${key_prefix}:{fleet}:alive`, '99999999999999', 'other')
    const gateway = await startGateway(t, [{ url: endpoint.url, max_concurrent: 2 }], {
      cluster: { redis: redis.url, key_prefix, retry_interval: '50ms', heartbeat: '100ms' },
    })
    await eventually(async () => (await clusterOf(gateway)).reason === 'schema 99')
    assert.equal(await ask(gateway), 200)
    await redis.command('ZREM', `${key_prefix}:{fleet}:alive`, 'other')
    await eventually(async () => (await clusterOf(gateway)).state === 'joined')
    assert.equal(await ask(gateway), 200)
  })
})
