import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

interface Row {
  readonly name: string
  readonly engine?: { readonly state: string; readonly others?: number }
}

async function rows({ url }: RunningGateway): Promise<Row[]> {
  const response = await fetch(`${url}/internal/status/endpoints`, { headers: { connection: 'close' } })
  return ((await response.json()) as { endpoints: Row[] }).endpoints
}

/** Requests of other clients, which stay at an engine until the test ends. */
function occupy(t: TestContext, url: string, count: number): void {
  const controller = new AbortController()
  t.after(() => controller.abort())
  for (let each = 0; each < count; each++) {
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x' }], max_tokens: 100_000 }),
      signal: controller.signal,
    }).catch(() => {})
  }
}

async function start(t: TestContext, proxy: Record<string, string>) {
  const names = ['busy', 'idle']
  const engines = await Promise.all(
    names.map((name) => withSimulator(t, { kind: 'vllm', name, models: ['m'], tokensPerSecond: 50 })),
  )
  const endpoints = engines.map(({ url }, at) => ({ url, type: 'vllm', name: names[at] ?? '' }))
  const gateway = await startGateway(t, endpoints, { proxy, ...byStrategy })
  const reads = () =>
    engines.map(({ control }) => control.requests().filter(({ path }) => path === '/metrics').length)
  const endpointOf = async () => (await postChat(gateway.url, { model: 'm' })).headers.get('x-olla-endpoint')
  return { engines, endpoints, gateway, reads, endpointOf }
}

/** The interval is that of the strategy. */
const byStrategy = { discovery: { signals: {} } }
const expectedLatency = { load_balancer: 'expected-latency' }
const leastConnections = { load_balancer: 'least-connections' }

describe('a reload that changes the strategy', () => {
  it('begins to read the engines, which the choice then knows', async (t) => {
    const { engines, endpoints, gateway, reads, endpointOf } = await start(t, leastConnections)
    assert.deepEqual(reads(), [0, 0])
    assert.deepEqual(
      (await rows(gateway)).map(({ engine }) => engine),
      [undefined, undefined],
    )
    occupy(t, engines[0]?.url ?? '', 6)
    const result = await gateway.reload(endpoints, { proxy: expectedLatency, ...byStrategy })
    assert.deepEqual([result.outcome, result.needs_restart], ['applied', []])
    await eventually(async () => {
      const [busy, idle] = await rows(gateway)
      return busy?.engine?.others === 6 && idle?.engine?.others === 0
    })
    for (let each = 0; each < 4; each++) assert.equal(await endpointOf(), 'idle')
  })

  it('no longer shows what engines said, and reads them again after another', async (t) => {
    const { endpoints, gateway, reads } = await start(t, expectedLatency)
    const isFresh = async () => (await rows(gateway)).every(({ engine }) => engine?.state === 'fresh')
    await eventually(isFresh)
    await gateway.reload(endpoints, { proxy: leastConnections, ...byStrategy })
    await eventually(async () => (await rows(gateway)).every(({ engine }) => engine === undefined))
    const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
    assert.doesNotMatch(metrics, /^olla_endpoint_engine_/m)
    const [before = 0] = reads()
    await gateway.reload(endpoints, { proxy: expectedLatency, ...byStrategy })
    await eventually(isFresh)
    await eventually(() => (reads()[0] ?? 0) > before)
  })
})
