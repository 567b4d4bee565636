/** Settings that a reload applies: each is changed while the gateway runs, and the next request shows it. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { callersSecret, configuredKey } from '../support/callers.ts'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

type Sections = Record<string, Record<string, unknown>>

describe('a reload applies', () => {
  it('aliases, fallbacks and filters of models', async (t) => {
    const { gateway, change } = await start(t)
    assert.equal(await statusOf(gateway, 'nick'), 404)
    await change({ model_aliases: { nick: ['m'] } })
    assert.equal(await statusOf(gateway, 'nick'), 200)
    await change({ model_fallbacks: { gone: ['m'] } })
    assert.deepEqual([await statusOf(gateway, 'nick'), await statusOf(gateway, 'gone')], [404, 200])
    await change({ model_filter: { exclude: ['m'] } })
    assert.equal(await statusOf(gateway, 'm'), 404)
    await eventually(async () => (await modelsOf(gateway)).join() === 'n')
    await change({})
    await eventually(async () => (await modelsOf(gateway)).join() === 'm,n')
    assert.equal(await statusOf(gateway, 'm'), 200)
  })

  it('the routing strategy', async (t) => {
    const { gateway, change } = await start(t)
    const endpointOf = async () =>
      (await postChat(gateway.url, { model: 'unknown' })).headers.get('x-olla-endpoint')
    assert.equal(await endpointOf(), null)
    const options = { fallback_behavior: 'all' }
    await change({ model_registry: { routing_strategy: { type: 'optimistic', options } } })
    assert.equal(await endpointOf(), 'first')
  })

  it('the load balancer', async (t) => {
    const { gateway, change } = await start(t)
    await change({ proxy: { load_balancer: 'round-robin' } })
    const status = (await json(gateway, '/internal/status')) as { proxy: { balancer: string } }
    assert.equal(status.proxy.balancer, 'round-robin')
    const explained = await fetch(`${gateway.url}/internal/explain`, {
      method: 'POST',
      body: '{"model":"m"}',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(((await explained.json()) as { balancer: string }).balancer, 'round-robin')
  })

  it('statuses that fail over, and the number of attempts', async (t) => {
    const { gateway, change, simulator } = await start(t, 'second')
    await simulator.control.setFault({ kind: 'status', status: 418 })
    assert.equal(await statusOf(gateway, 'm'), 418)
    await change({ proxy: { failover_statuses: [418] } })
    assert.equal(await statusOf(gateway, 'm'), 200)
    await change({ proxy: { failover_statuses: [418], max_attempts: 1 } })
    assert.equal(await statusOf(gateway, 'm'), 418)
  })

  it('rate limits, if there were any', async (t) => {
    const limits = (perMinute: number) => ({
      server: { rate_limits: { per_ip_requests_per_minute: perMinute, burst_size: 1 } },
    })
    const { gateway, change } = await start(t, undefined, limits(60_000))
    assert.equal(await statusOf(gateway, 'm'), 200)
    await change(limits(1))
    const statuses = [await statusOf(gateway, 'm'), await statusOf(gateway, 'm')]
    assert.equal(statuses[1], 429)
  })

  it('the admin token', async (t) => {
    const token = (text: string) => ({
      dashboard: { admin_token: text, access_policy: { allowed_cidrs: [] } },
    })
    const { gateway, change } = await start(t, undefined, token('the-first-admin-token'))
    const enter = async (text: string) => {
      const headers = { authorization: `Bearer ${text}` }
      return (await fetch(`${gateway.url}/internal/config`, { headers })).status
    }
    assert.equal(await enter('the-first-admin-token'), 200)
    await change(token('the-second-admin-token'))
    assert.equal(await enter('the-first-admin-token'), 401)
    assert.equal(await enter('the-second-admin-token'), 200)
  })

  it('keys of the file', async (t) => {
    const [first, second] = [configuredKey('first'), configuredKey('second')]
    const keys = (...given: (typeof first)[]) => ({
      callers: { secret: callersSecret, keys: given.map(({ entry }) => entry) },
    })
    const { gateway, change } = await start(t, undefined, keys(first))
    const enter = async ({ key }: typeof first) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
      return (await postChat(gateway.url, {}, { headers })).status
    }
    assert.deepEqual([await enter(first), await enter(second)], [200, 401])
    await change(keys(second))
    assert.deepEqual([await enter(first), await enter(second)], [401, 200])
  })

  it('a version, which the status, the metrics and the configuration show', async (t) => {
    const { gateway, change } = await start(t)
    const result = await change({ model_aliases: { nick: ['m'] } })
    assert.equal(result.config_version, 2)
    const status = (await json(gateway, '/internal/status')) as { system: { config_version: number } }
    assert.equal(status.system.config_version, 2)
    const config = (await json(gateway, '/internal/config')) as { version: number; values: Sections }
    assert.equal(config.version, 2)
    assert.deepEqual(config.values.model_aliases, { nick: ['m'] })
    const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
    assert.match(metrics, /^olla_config_version 2$/m)
  })
})

async function start(t: TestContext, other?: string, sections: Sections = {}) {
  const kind = 'openai-compatible'
  const simulator = await withSimulator(t, { kind, name: 'first', models: ['m', 'n'] })
  const endpoints = [{ url: simulator.url, name: 'first', priority: 200 }]
  if (other !== undefined) {
    const second = await withSimulator(t, { kind, name: other, models: ['m', 'n'] })
    endpoints.push({ url: second.url, name: other, priority: 100 })
  }
  const token = (sections.dashboard?.admin_token as string | undefined) ?? ''
  const gateway = await startGateway(t, endpoints, sections, {
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
  })
  return {
    gateway,
    simulator,
    async change(next: Sections) {
      const result = await gateway.reload(endpoints, next)
      assert.equal(result.outcome, 'applied', JSON.stringify(result))
      assert.deepEqual(result.needs_restart, [])
      return result
    },
  }
}

async function statusOf({ url }: RunningGateway, model: string): Promise<number> {
  const response = await postChat(url, { model })
  await response.arrayBuffer()
  return response.status
}

async function json({ url }: RunningGateway, path: string): Promise<unknown> {
  return (await fetch(`${url}${path}`)).json()
}

async function modelsOf(gateway: RunningGateway): Promise<string[]> {
  const { data } = (await json(gateway, '/v1/models')) as { data: { id: string }[] }
  return data.map(({ id }) => id)
}
