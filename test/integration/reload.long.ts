/** Reloading endpoints while requests run. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'
import type { ConfigControl } from '../../src/runtime/configuration/control.ts'
import { postChat, startGateway } from '../support/gateway.ts'
import { readUntilCut } from '../support/read-until-cut.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

for (const engine of engines) {
  describe(`reload with ${engine}`, () => {
    const sections = { proxy: engineOf(engine) }

    it('adds an endpoint, which serves at once', async (t) => {
      const one = await server(t, 'one', ['one'])
      const two = await server(t, 'two', ['two'])
      const gateway = await startGateway(t, [entry(one, 'one')], sections)
      const before = await postChat(gateway.url, { model: 'two' })
      assert.equal(before.status, 404)

      const result = await gateway.reload([entry(one, 'one'), entry(two, 'two')])

      assert.equal(result.outcome, 'applied')
      assert.equal(result.config_version, 2)
      assert.deepEqual(
        result.changes.map(({ key }) => key),
        ['discovery.static.endpoints[two]'],
      )
      const after = await postChat(gateway.url, { model: 'two' })
      assert.equal(after.status, 200)
      assert.equal(after.headers.get('x-olla-endpoint'), 'two')
    })

    it('removes an endpoint whose stream finishes', async (t) => {
      const one = await server(t, 'one', ['m'])
      const two = await server(t, 'two', ['m'], { tokensPerSecond: 20 })
      const gateway = await startGateway(t, [entry(one, 'one'), entry(two, 'two', 200)], sections)
      const stream = await postChat(gateway.url, { stream: true, max_tokens: 20 })
      assert.equal(stream.headers.get('x-olla-endpoint'), 'two')

      await gateway.reload([entry(one, 'one')])

      const rows = await gateway.status()
      assert.deepEqual(
        rows.map(({ name, status }) => `${name} ${status}`),
        ['two draining', 'one healthy'],
      )
      const next = await postChat(gateway.url)
      assert.equal(next.headers.get('x-olla-endpoint'), 'one')
      assert.match(await stream.text(), /data: \[DONE\]/)
      await eventually(async () => (await gateway.status()).length === 1)
    })

    it('replaces all endpoints without a failed request', async (t) => {
      const one = await server(t, 'one', ['m'])
      const two = await server(t, 'two', ['m'])
      const gateway = await startGateway(t, [entry(one, 'one')], sections)
      let isOver = false
      const failed: number[] = []
      const load = (async () => {
        while (!isOver) {
          const { status } = await postChat(gateway.url)
          if (status !== 200) failed.push(status)
        }
      })()
      for (let round = 0; round < 10; round++) {
        const [server, name] = round % 2 === 0 ? [two, 'two'] : [one, 'one']
        const { outcome } = await gateway.reload([entry(server, name)])
        assert.equal(outcome, 'applied')
      }
      isOver = true
      await load
      assert.deepEqual(failed, [])
    })

    it('keeps what is known of an endpoint whose weight changes', async (t) => {
      const one = await server(t, 'one', ['m'])
      const gateway = await startGateway(t, [entry(one, 'one')], sections)
      await (await postChat(gateway.url)).text()
      const probes = one.control.requests().length
      await gateway.reload([{ ...entry(one, 'one'), weight: 5 }])
      const [row] = await gateway.status()
      assert.deepEqual(
        { status: row?.status, requests: row?.request_count },
        { status: 'healthy', requests: 1 },
      )
      assert.equal(one.control.requests().length, probes)
    })

    it('keeps health, circuit and requests in flight of endpoints that do not change', async (t) => {
      const busy = await server(t, 'busy', ['m'], { tokensPerSecond: 20 })
      const broken = await server(t, 'broken', ['b'])
      const proxy = { ...sections.proxy, circuit_breaker: { failure_threshold: 1, open_duration: '60s' } }
      const present = [entry(busy, 'busy'), { ...entry(broken, 'broken'), check_interval: '60s' }]
      const gateway = await startGateway(t, present, { proxy: { ...proxy, max_retries: 0, outage_wait: 0 } })
      const stream = await postChat(gateway.url, { stream: true, max_tokens: 100_000 })
      await broken.control.setFault({ kind: 'reset_before_headers' })
      assert.equal((await postChat(gateway.url, { model: 'b' })).status, 502)
      const known = async () =>
        (await gateway.status()).flatMap(
          ({ name, status, breaker, in_flight: count, request_count: requests }) =>
            name === 'added' ? [] : [[name, status, breaker?.state, count, requests]],
        )
      const before = await known()
      assert.equal(before.find(([name]) => name === 'busy')?.[3], 1)
      assert.equal(before.find(([name]) => name === 'broken')?.[2], 'open')
      const added = await server(t, 'added', ['x'])
      for (const next of [[...present, entry(added, 'added')], present]) {
        assert.equal((await gateway.reload(next)).outcome, 'applied')
        assert.deepEqual(await known(), before)
      }
      await stream.body?.cancel()
    })

    it('moves an endpoint to another server under its name', async (t) => {
      const one = await server(t, 'one', ['m'])
      const two = await server(t, 'two', ['m', 'n'])
      const gateway = await startGateway(t, [entry(one, 'gpu')], sections)
      await (await postChat(gateway.url)).text()
      await gateway.reload([entry(two, 'gpu')])
      assert.equal((await postChat(gateway.url)).status, 200)
      await eventually(async () => (await postChat(gateway.url, { model: 'n' })).status === 200)
      assert.ok(two.control.requests().some(({ method }) => method === 'POST'))
      const [row] = await gateway.status()
      assert.ok((row?.request_count ?? 0) >= 3)
    })
  })
}

describe('reload', () => {
  it('returns the statistics to an endpoint that comes back, after it is probed and listed again', async (t) => {
    const one = await server(t, 'one', ['m'])
    const two = await server(t, 'two', ['n'])
    const gateway = await startGateway(t, [entry(one, 'one'), entry(two, 'two')])
    await (await postChat(gateway.url, { model: 'n' })).text()
    await gateway.reload([entry(one, 'one')])
    await eventually(async () => (await gateway.status()).length === 1)
    assert.doesNotMatch(await (await fetch(`${gateway.url}/internal/metrics`)).text(), /endpoint="two"/)
    const listed = two.control.requests().length

    await gateway.reload([entry(one, 'one'), entry(two, 'two')])

    assert.equal((await postChat(gateway.url, { model: 'n' })).status, 200)
    const row = (await gateway.status()).find(({ name }) => name === 'two')
    assert.equal(row?.request_count, 2)
    assert.ok(two.control.requests().length > listed + 1)
  })

  it('returns an endpoint to service although its drain would have ended while another joins', async (t) => {
    const one = await server(t, 'one', ['m'])
    const two = await server(t, 'two', ['n'])
    const slow = await server(t, 'slow', ['s'])
    const gateway = await startGateway(t, [entry(one, 'one'), entry(two, 'two')])
    await two.control.setFault({ kind: 'hang', times: 1, path: '/v1/chat/completions' })
    const controller = new AbortController()
    const held = postChat(gateway.url, { model: 'n' }, { signal: controller.signal }).catch(() => {})
    const statusOf = async (wanted: string) =>
      (await gateway.status()).find(({ name }) => name === wanted)?.status
    await eventually(() => two.control.requests().some(({ method }) => method === 'POST'))
    await gateway.reload([entry(one, 'one')])
    assert.equal(await statusOf('two'), 'draining')

    await slow.control.setFault({ kind: 'delay', delayMs: 1_000, path: '/' })
    const patient = { ...entry(slow, 'slow'), check_interval: '20s', check_timeout: '10s' }
    const reload = gateway.reload([entry(one, 'one'), entry(two, 'two'), patient])
    await eventually(() => slow.control.requests().length > 0)
    controller.abort()
    await held
    assert.equal((await reload).outcome, 'applied')

    assert.equal(await statusOf('two'), 'healthy')
    assert.equal((await postChat(gateway.url, { model: 'n' })).status, 200)
  })

  it('starts the statistics of another endpoint anew, in the row of a removed one', async (t) => {
    const one = await server(t, 'one', ['m'])
    const two = await server(t, 'two', ['n'])
    const sections = { discovery: { spare_endpoints: 0 } }
    const gateway = await startGateway(t, [entry(one, 'one'), entry(two, 'two')], sections)
    await (await postChat(gateway.url, { model: 'n' })).text()
    await gateway.reload([entry(one, 'one')])
    await eventually(async () => (await gateway.status()).length === 1)
    await gateway.reload([entry(one, 'one'), entry(two, 'three')])
    const row = (await gateway.status()).find(({ name }) => name === 'three')
    assert.deepEqual({ count: row?.request_count, status: row?.status }, { count: 0, status: 'healthy' })
    const tooMany = await gateway.reload([entry(one, 'one'), entry(two, 'three'), entry(two, 'four')])
    assert.equal(tooMany.outcome, 'refused')
    assert.match(tooMany.reason ?? '', /raise discovery\.spare_endpoints/)
    assert.equal((await gateway.status()).length, 2)
  })

  it('ends the requests of a removed endpoint after the drain timeout', async (t) => {
    const one = await server(t, 'one', ['m'])
    const two = await server(t, 'two', ['n'], { tokensPerSecond: 20 })
    const sections = { discovery: { drain_timeout: '300ms' } }
    const gateway = await startGateway(t, [entry(one, 'one'), entry(two, 'two')], sections)
    const stream = await postChat(gateway.url, { model: 'n', stream: true, max_tokens: 10_000 })
    await gateway.reload([entry(one, 'one')])
    const text = await readUntilCut(stream)
    assert.doesNotMatch(text, /\[DONE\]/)
    assert.match(text, /The endpoint was taken out of service before the response had ended\./)
    await eventually(async () => (await gateway.status()).length === 1)
    await eventually(() => two.control.counters().openSockets === 0)
  })

  it('probes each endpoint at its own pace, and a removed one no more', async (t) => {
    const one = await server(t, 'one', ['m'])
    const two = await server(t, 'two', ['m'])
    const slow = { check_interval: '60s', check_timeout: '10s' }
    const gateway = await startGateway(t, [{ ...entry(one, 'one'), ...slow }])
    const probes = ({ control }: typeof one) =>
      control.requests().filter(({ path }) => path === '/health' || path === '/').length
    const before = probes(one)
    for (let round = 0; round < 10; round++) {
      await gateway.reload([
        { ...entry(one, 'one'), ...slow, weight: round + 2 },
        { ...entry(two, 'two'), ...slow },
      ])
      await gateway.reload([{ ...entry(one, 'one'), ...slow, weight: round + 2 }])
      await eventually(async () => (await gateway.status()).length === 1)
    }
    assert.equal(probes(one), before)
  })

  it('is up to the host of an embedded gateway', async (t) => {
    const one = await server(t, 'one', ['m'])
    const two = await server(t, 'two', ['n'])
    let control: ConfigControl | undefined
    const gateway = await startGateway(
      t,
      [entry(one, 'one')],
      {},
      {
        gateway: {
          onConfigControl(given) {
            control = given
          },
        },
      },
    )
    const endpoints = [entry(one, 'one'), entry(two, 'two')]
    const rate_limits = { per_ip_requests_per_minute: 0, global_requests_per_minute: 0 }
    const config = parseConfig({ server: { rate_limits }, discovery: { static: { endpoints } } })
    const result = await control?.apply(config, 'the host')
    assert.equal(result?.outcome, 'applied')
    assert.equal(control?.version, 2)
    assert.equal((await postChat(gateway.url, { model: 'n' })).status, 200)
  })

  it('only compares in a dry run', async (t) => {
    const one = await server(t, 'one', ['m'])
    const gateway = await startGateway(t, [entry(one, 'one')])
    const changed = { ...entry(one, 'one'), auth: { type: 'bearer', token: 'secret-token' } }
    const result = await gateway.reload([changed], { server: { port: 1 } }, '?dry_run=true')
    assert.equal(result.outcome, 'unchanged')
    assert.equal(result.dry_run, true)
    assert.deepEqual(result.needs_restart, ['server.port'])
    assert.deepEqual(
      result.changes.map(({ key }) => key),
      ['server.port', 'discovery.static.endpoints[one].auth'],
    )
    assert.doesNotMatch(JSON.stringify(result), /secret-token/)
  })

  it('applies the rest of a file with keys that need a restart', async (t) => {
    const one = await server(t, 'one', ['m'])
    const gateway = await startGateway(t, [entry(one, 'one')])
    const changed = [{ ...entry(one, 'one'), priority: 5 }]
    const sections = { server: { port: 1 } }
    const result = await gateway.reload(changed, sections)
    assert.equal(result.outcome, 'applied')
    assert.deepEqual(result.needs_restart, ['server.port'])
    const again = await gateway.reload(changed, sections)
    assert.equal(again.outcome, 'unchanged')
    assert.equal(again.config_version, 2)
    assert.deepEqual(again.needs_restart, ['server.port'])
  })
})

function server(
  t: Parameters<typeof withSimulator>[0],
  name: string,
  models: string[],
  pace: { tokensPerSecond?: number } = {},
) {
  return withSimulator(t, { kind: 'openai-compatible', name, models, ...pace })
}

function entry({ url }: { readonly url: string }, name: string, priority = 100) {
  return { url, name, priority }
}
