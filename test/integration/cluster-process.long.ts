import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { describe, it, type TestContext } from 'node:test'
import { type BusyEndpoint, startBusyEndpoint } from '../support/busy-endpoint.ts'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { folder, listening, run } from '../support/command.ts'
import { postChat } from '../support/gateway.ts'
import { type RunningRedis, startRedis, whyNoRedis } from '../support/redis.ts'
import { clusterOf, nextPrefix } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

interface Replica {
  readonly url: string
  readonly child: ChildProcess
}

/** Three gateways as processes, with the default times. */
async function startProcesses(
  t: TestContext,
  redis: RunningRedis,
  endpoint: BusyEndpoint,
  options: { threads?: number; count?: number; cluster?: string; callers?: string } = {},
): Promise<Replica[]> {
  const { threads = 1, count = 3, cluster = '', callers = '{}' } = options
  const prefix = nextPrefix()
  const replicas = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const config = `
server: { host: 127.0.0.1, port: 0, threads: ${threads}, shutdown_timeout: 5s, rate_limits: { global_requests_per_minute: 0, per_ip_requests_per_minute: 0 } }
discovery: { health: { slow_start: 0 }, static: { endpoints: [ { url: '${endpoint.url}', name: box, type: openai-compatible, max_concurrent: 4, check_interval: 1s, check_timeout: 500ms } ] } }
cluster: { redis: '${redis.url}', key_prefix: '${prefix}', replica_id: r${index}${cluster} }
callers: ${callers}
`
      const cwd = await folder({ 'gateway.yaml': config })
      const running = run(t, ['-c', 'gateway.yaml'], { cwd })
      const url = await listening(running)
      return { url, child: running.child }
    }),
  )
  await joined(replicas, callers === '{}')
  return replicas
}

async function joined(replicas: readonly Replica[], areOpen: boolean): Promise<void> {
  await eventually(async () => {
    const bodies = await Promise.all(replicas.map(clusterOf))
    return bodies.every(({ state, members }) => state === 'joined' && members?.length === replicas.length)
  })
  for (const { url } of replicas) await eventually(async () => (await chat(url)) === (areOpen ? 200 : 401))
}

async function chat(url: string, headers?: Record<string, string>): Promise<number> {
  const response = await postChat(url, {}, headers === undefined ? {} : { headers })
  await response.text()
  return response.status
}

const skip = whyNoRedis ?? false

describe('replicas as processes', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('free the places of one that is killed', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const [first, second, third] = await startProcesses(t, redis, endpoint)
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    // The first holds all places with requests that do not end.
    endpoint.answerMs = 60_000
    const held = Array.from({ length: 4 }, () => chat(first.url).catch(() => 0))
    await eventually(() => endpoint.seen.current === 4)
    endpoint.answerMs = 2
    const waiting = chat(second.url)
    first.child.kill('SIGKILL')
    const sinceMs = performance.now()
    assert.equal(await waiting, 200)
    t.diagnostic(`a place was free after ${Math.round(performance.now() - sinceMs)} ms`)
    await Promise.all(held)
    const statuses = await Promise.all(Array.from({ length: 20 }, () => chat(third.url)))
    assert.ok(statuses.every((status) => status === 200))
  })

  it('fail no request of the others when one freezes, and agree when it goes on', async (t) => {
    const endpoint = await startBusyEndpoint(t, 5)
    const [first, ...others] = await startProcesses(t, redis, endpoint)
    assert.ok(first !== undefined)
    first.child.kill('SIGSTOP')
    t.after(() => first.child.kill('SIGCONT'))
    const statuses = await Promise.all(
      Array.from({ length: 40 }, (_, index) => chat(others[index % 2]?.url ?? '')),
    )
    assert.ok(statuses.every((status) => status === 200))
    await eventually(async () => (await clusterOf(others[0] ?? first)).members?.length === 2)
    endpoint.seen.max = 0
    first.child.kill('SIGCONT')
    const all = await Promise.all(
      Array.from({ length: 60 }, (_, index) => chat([first, ...others][index % 3]?.url ?? '')),
    )
    assert.ok(all.every((status) => status === 200))
    assert.ok(endpoint.seen.max <= 4, String(endpoint.seen.max))
  })

  it('exceed no limit with 200 clients', async (t) => {
    const endpoint = await startBusyEndpoint(t, 5)
    const { key, entry } = configuredKey('ci', { limits: { requests_per_minute: 600 } })
    const replicas = await startProcesses(t, redis, endpoint, {
      cluster: ', timeout: 500ms',
      callers: JSON.stringify({ secret: callersSecret, keys: [entry] }),
    })
    // Model lists are read: no request waits for them.
    endpoint.seen.max = 0
    let left = 1_000
    const statuses: number[] = []
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        while (left-- > 0) statuses.push(await chat(replicas[index % 3]?.url ?? '', bearer(key)))
      }),
    )
    assert.equal(statuses.filter((status) => status === 200).length, 600)
    assert.equal(statuses.filter((status) => status === 429).length, 400)
    assert.equal(endpoint.seen.max, 4)
    const bodies = await Promise.all(replicas.map(clusterOf))
    t.diagnostic(`${bodies.reduce((sum, { calls }) => sum + calls, 0)} calls for 1000 requests`)
  })

  it('count exactly with several threads each', async (t) => {
    const endpoint = await startBusyEndpoint(t, 10)
    const replicas = await startProcesses(t, redis, endpoint, { threads: 2, cluster: ', timeout: 500ms' })
    endpoint.seen.max = 0
    const statuses = await Promise.all(
      Array.from({ length: 120 }, (_, index) => chat(replicas[index % 3]?.url ?? '')),
    )
    assert.ok(statuses.every((status) => status === 200))
    assert.equal(endpoint.seen.max, 4)
  })

  it('fail no request while the fleet grows and shrinks', async (t) => {
    const endpoint = await startBusyEndpoint(t, 3)
    const replicas = await startProcesses(t, redis, endpoint, { cluster: ', timeout: 500ms' })
    const current = [...replicas]
    const statuses: number[] = []
    let isOver = false
    const inFlight = new Map<Replica, number>()
    const count = (replica: Replica, by: number) => inFlight.set(replica, (inFlight.get(replica) ?? 0) + by)
    const load = Promise.all(
      Array.from({ length: 6 }, async (_, index) => {
        while (!isOver) {
          const replica = current[index % current.length] ?? assert.fail()
          count(replica, 1)
          statuses.push(await chat(replica.url))
          count(replica, -1)
        }
      }),
    )
    await eventually(() => statuses.length > 50)
    for (let left = 3; left > 1; left--) {
      const leaving = current.pop() ?? assert.fail()
      // Its clients go elsewhere first, as behind a proxy.
      await eventually(() => inFlight.get(leaving) === 0)
      const exit = once(leaving.child, 'exit')
      leaving.child.kill('SIGTERM')
      await exit
      const before = statuses.length
      await eventually(() => statuses.length > before + 50)
    }
    const [last] = current
    await eventually(async () => (await clusterOf(last ?? assert.fail())).members.length === 1)
    isOver = true
    await load
    assert.deepEqual(
      statuses.filter((status) => status !== 200),
      [],
    )
  })
})
