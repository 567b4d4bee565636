import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { describe, it } from 'node:test'
import { topCommand } from '../../src/app/cli/top-command.ts'
import type { Terminal } from '../../src/app/top/live-screen.ts'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { postChat, type RunningGateway } from '../support/gateway.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { ask, clusterOf, startReplicas } from '../support/replicas.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false

/** Of the routes that the test reads. */
interface ReadBody {
  readonly endpoints?: readonly { readonly name: string; readonly request_count: number }[]
  readonly requests?: readonly unknown[]
}

/** The sum of a metric's samples. */
async function metricOf({ url }: RunningGateway, name: string): Promise<number> {
  const response = await fetch(`${url}/internal/metrics`)
  const samples = (await response.text()).matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+]+)`, 'gm'))
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0)
}

/** Under a host name that is not allowed. */
async function statusOf(
  { port }: RunningGateway,
  path: string,
  headers: Record<string, string>,
): Promise<number | undefined> {
  const options = { host: '127.0.0.1', port, path, headers: { ...headers, host: 'evil.example' } }
  const [response] = (await once(get(options), 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

describe('what is seen of several replicas', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('are metrics of each whose sums are what clients have sent', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, max_concurrent: 12 }])
    const before = await Promise.all(replicas.map((replica) => metricOf(replica, 'olla_requests_total')))
    const perReplica = [17, 40, 3]
    const statuses = await Promise.all(
      replicas.flatMap((replica, index) =>
        Array.from({ length: perReplica[index] ?? 0 }, () => ask(replica)),
      ),
    )
    assert.ok(statuses.every((status) => status === 200))
    assert.equal(endpoint.seen.answered, 60)
    const counts = async () => {
      const now = await Promise.all(replicas.map((replica) => metricOf(replica, 'olla_requests_total')))
      return now.map((count, index) => count - (before[index] ?? 0))
    }
    await eventually(async () => (await counts()).reduce((sum, count) => sum + count, 0) === 60)
    assert.deepEqual(await counts(), perReplica)
    const places = await Promise.all(replicas.map((replica) => metricOf(replica, 'olla_cluster_places')))
    const held = places.reduce((sum, count) => sum + count, 0)
    assert.ok(held <= 12, String(held))
    // The others learn the counts with the next heartbeats.
    for (const replica of replicas) {
      await eventually(async () => {
        const { members } = await clusterOf(replica)
        return members.reduce((sum, { requests }) => sum + (requests ?? 0), 0) === 60
      })
    }
  })

  it('is who probes what, how old each heartbeat is, and nothing inexact', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const endpoints = Array.from({ length: 12 }, (_, index) => ({ url: endpoint.url, name: `e${index}` }))
    const replicas = await startReplicas(t, redis, endpoints)
    const views = await Promise.all(replicas.map(clusterOf))
    for (const view of views) {
      assert.deepEqual([view.state, view.inexact, view.inexact_since], ['joined', [], null])
      assert.deepEqual(view.endpoints, views[0]?.endpoints)
      assert.equal(view.endpoints.length, 12)
      assert.equal(
        view.members.reduce((sum, { probes }) => sum + probes, 0),
        12,
      )
      for (const { lag_ms, version } of view.members) {
        assert.ok(lag_ms >= 0, String(lag_ms))
        assert.match(version, /^\d/)
      }
    }
    for (const replica of replicas)
      await eventually(async () => (await clusterOf(replica)).members.every(({ lag_ms }) => lag_ms <= 1_500))
    redis.freeze()
    try {
      for (const replica of replicas) {
        await eventually(async () => {
          const { state, inexact, inexact_since } = await clusterOf(replica)
          return state === 'away' && inexact.length >= 5 && inexact_since !== null
        })
      }
    } finally {
      redis.thaw()
    }
  })

  it('is another replica’s status, read through any of them', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, name: 'box' }])
    const [first, second, third] = replicas
    assert.ok(first !== undefined && second !== undefined && third !== undefined)
    for (let turn = 0; turn < 7; turn++) assert.equal(await ask(third), 200)
    const read = async (path: string) => {
      const response = await fetch(`${first.url}/internal/cluster/replicas/${path}`)
      const body = (await response.json().catch(() => ({}))) as ReadBody
      return { status: response.status, endpoints: body.endpoints ?? [], requests: body.requests ?? [] }
    }
    const status = await read('r2/status/endpoints')
    assert.equal(status.status, 200)
    assert.deepEqual([status.endpoints[0]?.name, status.endpoints[0]?.request_count], ['box', 7])
    assert.equal((await read('r1/status/endpoints')).endpoints[0]?.request_count, 0)
    assert.equal((await read('r0/status/endpoints')).endpoints[0]?.request_count, 0)
    const recent = await read('r2/requests?limit=3')
    assert.equal(recent.requests.length, 3)
    // Long answers do not go over the channel that all replicas read.
    const config = await read('r2/config')
    assert.equal(config.status, 200)
    for (const path of [
      'r9/status',
      'r2/events',
      'r2/admin/keys',
      'r2/cluster/replicas/r1/status',
      'r2/..%2fhealth',
    ])
      assert.equal((await read(path)).status, 404, path)
    assert.equal(await statusOf(first, '/internal/cluster/replicas/r2/status', {}), 403)
    // Only the gateway itself knows the header by which it reads its own routes.
    const guess = { 'x-olla-own-request': 'guess' }
    assert.equal(await statusOf(first, '/internal/requests', guess), 403)
  })

  it('is what `olla-gateway top --cluster` prints', async (t) => {
    const endpoint = await startBusyEndpoint(t, 2)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, name: 'box' }])
    const [first] = replicas
    assert.ok(first !== undefined)
    for (const replica of replicas) await (await postChat(replica.url)).text()
    await eventually(async () => {
      const { members } = await clusterOf(first)
      return members.every(({ requests }) => requests === 1)
    })
    const terminal = {
      input: { isTTY: false },
      output: { isTTY: false, columns: 140 },
      env: {},
    } as unknown as Terminal
    const { output, exitCode } = await topCommand(['--cluster', '--url', first.url], terminal)
    assert.equal(exitCode, 0, output)
    assert.match(output, /^olla-gateway cluster .* replica r0\njoined since /)
    assert.match(output, /\nr0\* .*\nr1 .*\nr2 .*\n3 replicas +0 +- +3 +1\n/)
    assert.match(output, /\nENDPOINT +IN FLIGHT PROBED BY\nbox +0 r[012]\n/)
    const alone = await topCommand(['--cluster', '--url', 'http://127.0.0.1:1'], terminal)
    assert.equal(alone.exitCode, 2)
  })
})
