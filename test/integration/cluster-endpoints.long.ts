import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startBusyEndpoint } from '../support/busy-endpoint.ts'
import { postChat, type RunningGateway } from '../support/gateway.ts'
import { startRedis, whyNoRedis } from '../support/redis.ts'
import { ask, nextPrefix, startReplicas } from '../support/replicas.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'

const skip = whyNoRedis ?? false
/** Rarely probed, and by one replica only: the others see nothing themselves. */
const rare = { check_interval: '10s' }

const statusOf = async (replica: RunningGateway | undefined) => (await replica?.status())?.[0]?.status
/** Models that get no requests. */
const outOf = async (replica: RunningGateway | undefined): Promise<readonly string[]> => {
  const response = await fetch(`${replica?.url}/internal/status/endpoints`)
  const { endpoints } = (await response.json()) as {
    endpoints: readonly { models_out?: readonly { model: string }[] }[]
  }
  return endpoints.flatMap(({ models_out = [] }) => models_out.map(({ model }) => model))
}
const circuitOf = async (replica: RunningGateway | undefined) =>
  (await replica?.status())?.[0]?.breaker?.state

describe('what replicas see of endpoints', { skip }, async () => {
  const redis = skip === false ? await startRedis() : undefined
  if (redis === undefined) return

  it('reaches the others: an endpoint that dies, and that is back', async (t) => {
    const endpoint = await startBusyEndpoint(t, 1)
    const [first, ...others] = await startReplicas(t, redis, [{ url: endpoint.url, ...rare }], {
      sections: { proxy: { outage_wait: 0 } },
    })
    await endpoint.stop()
    assert.notEqual(await ask(first), 200)
    const sinceMs = performance.now()
    for (const other of others) await eventually(async () => (await statusOf(other)) === 'offline')
    t.diagnostic(`${Math.round(performance.now() - sinceMs)} ms`)
    await endpoint.start()
    // The replica that probes it for all does so soon; the others learn it from that one.
    for (const replica of [first, ...others])
      await eventually(async () => (await statusOf(replica)) === 'healthy')
    for (const replica of [first, ...others]) assert.equal(await ask(replica), 200)
  })

  it('reaches the others: a circuit that opens and closes', async (t) => {
    const endpoint = await startScriptedEndpoint(t, ['m'])
    const circuit_breaker = { failure_threshold: 2, open_duration: '1500ms' }
    const [first, ...others] = await startReplicas(t, redis, [{ url: endpoint.url, ...rare }], {
      sections: { proxy: { circuit_breaker, retry_backoff: '1ms' } },
    })
    endpoint.answer = () => ({ status: 500, body: {} })
    while ((await circuitOf(first)) === 'closed') await ask(first)
    for (const other of others) await eventually(async () => (await circuitOf(other)) === 'open')
    endpoint.answer = () => ({ body: { ok: true } })
    await eventually(async () => (await ask(first)) === 200)
    for (const other of others) await eventually(async () => (await circuitOf(other)) === 'closed')
  })

  it('reaches the others: a circuit of one model of several', async (t) => {
    const endpoint = await startScriptedEndpoint(t, ['good', 'bad'])
    const circuit_breaker = { failure_threshold: 2, open_duration: '1500ms' }
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, ...rare }], {
      sections: { proxy: { circuit_breaker, retry_backoff: '1ms' } },
    })
    const [first, ...others] = replicas
    const send = async (replica: RunningGateway | undefined, model: string) => {
      const response = await postChat(replica?.url ?? '', { model })
      await response.text()
      return response.status
    }
    endpoint.answer = ({ body }) =>
      body.model === 'bad' ? { status: 500, body: {} } : { body: { ok: true } }
    await eventually(async () => {
      await send(first, 'bad')
      return (await outOf(first)).includes('bad')
    })
    for (const other of others) {
      await eventually(async () => (await outOf(other)).includes('bad'))
      assert.equal(await send(other, 'good'), 200)
      assert.equal(await circuitOf(other), 'closed')
    }
    endpoint.answer = () => ({ body: { ok: true } })
    await eventually(async () => (await send(others[0], 'bad')) === 200)
    for (const replica of replicas) await eventually(async () => !(await outOf(replica)).includes('bad'))
  })

  it('reaches a replica that starts later: a pause and a circuit of a model', async (t) => {
    const endpoint = await startScriptedEndpoint(t, ['good', 'bad'])
    const other = await startScriptedEndpoint(t, ['good', 'bad'])
    const key_prefix = nextPrefix()
    const circuit_breaker = { failure_threshold: 1, open_duration: '60s' }
    const options = {
      count: 1,
      sections: { proxy: { circuit_breaker, retry_backoff: '1ms' } },
      cluster: { key_prefix },
    }
    const endpoints = [
      { url: endpoint.url, priority: 100, ...rare },
      { url: other.url, priority: 1, ...rare },
    ]
    const [first] = await startReplicas(t, redis, endpoints, options)
    endpoint.answer = () => ({ status: 429, headers: { 'retry-after': '60' }, body: {} })
    const response = await postChat(first?.url ?? '', { model: 'bad' })
    await response.text()
    assert.equal(response.status, 200)
    await eventually(async () => (await outOf(first)).includes('bad'))
    endpoint.answer = () => ({ body: { ok: true } })
    const [late] = await startReplicas(t, redis, endpoints, {
      ...options,
      cluster: { key_prefix, replica_id: 'late' },
      known: 2,
    })
    await eventually(async () => (await outOf(late)).includes('bad'))
    const before = endpoint.calls.length
    const again = await postChat(late?.url ?? '', { model: 'bad' })
    await again.text()
    assert.equal(again.status, 200)
    assert.equal(endpoint.calls.length, before)
  })

  it('reaches the others: a pause that an endpoint asked for', async (t) => {
    const limited = await startScriptedEndpoint(t, ['m'])
    const other = await startScriptedEndpoint(t, ['m'])
    const replicas = await startReplicas(t, redis, [
      { url: limited.url, priority: 100, ...rare },
      { url: other.url, priority: 1, ...rare },
    ])
    limited.answer = () => ({ status: 429, headers: { 'retry-after': '60' }, body: {} })
    assert.equal(await ask(replicas[0]), 200)
    limited.answer = () => ({ body: { ok: true } })
    const before = limited.calls.length
    // The message takes a moment: until then, requests go to the endpoint that pauses.
    for (const replica of replicas.slice(1)) {
      await eventually(async () => {
        const calls = limited.calls.length
        assert.equal(await ask(replica), 200)
        return limited.calls.length === calls
      })
    }
    assert.ok(limited.calls.length - before <= 10, String(limited.calls.length - before))
  })

  it('is probed by one replica, and by another when that one leaves', async (t) => {
    const endpoint = await startBusyEndpoint(t, 1)
    const replicas = await startReplicas(t, redis, [{ url: endpoint.url, check_interval: '1s' }])
    const probesOf = async (seconds: number) => {
      const before = endpoint.seen.probes
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
      return endpoint.seen.probes - before
    }
    // Three replicas that probe each on their own would probe nine times.
    const shared = await probesOf(3)
    assert.ok(shared >= 1 && shared <= 6, String(shared))
    for (const replica of replicas.slice(0, 2)) await replica.close()
    const before = endpoint.seen.probes
    await eventually(() => endpoint.seen.probes >= before + 2)
  })
})
