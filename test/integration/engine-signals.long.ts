import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { parseConfig } from '../../src/config/load.ts'
import type { EngineView } from '../../src/observe/views/engine.ts'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { scriptedServer } from '../support/scripted-server.ts'
import { withSimulator } from '../support/simulator.ts'

const sections = { discovery: { signals: { interval: '1s' } } }

async function engineAt(gateway: RunningGateway, name: string): Promise<EngineView | undefined> {
  const response = await fetch(`${gateway.url}/internal/status/endpoints`)
  const { endpoints } = (await response.json()) as { endpoints: { name: string; engine?: EngineView }[] }
  return endpoints.find((each) => each.name === name)?.engine
}

/** Repeats assertions until they hold. */
async function settles(check: () => void | Promise<void>): Promise<void> {
  const deadlineMs = performance.now() + 60_000
  for (;;) {
    try {
      await check()
      return
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** Requests that stay at a simulator until the test ends. */
function occupy(t: TestContext, url: string, model: string, count: number): void {
  const controller = new AbortController()
  t.after(() => controller.abort())
  for (let each = 0; each < count; each++) {
    const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'x' }], max_tokens: 100_000 })
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: controller.signal,
    }).catch(() => {})
  }
}

describe('signals of engines', { concurrency: 3 }, () => {
  for (const kind of ['vllm', 'sglang', 'llamacpp', 'lmdeploy'] as const) {
    it(`show what ${kind} does, for this gateway and for others`, async (t) => {
      const model = 'm'
      const simulator = await withSimulator(t, { kind, models: [model], tokensPerSecond: 50 })
      const gateway = await startGateway(t, [{ url: simulator.url, type: kind, name: 'gpu' }], sections)
      await settles(async () => assert.equal((await engineAt(gateway, 'gpu'))?.state, 'fresh'))
      assert.equal((await engineAt(gateway, 'gpu'))?.running, 0)
      occupy(t, simulator.url, model, 3)
      occupy(t, gateway.url, model, 2)
      await settles(async () => {
        const engine = await engineAt(gateway, 'gpu')
        assert.deepEqual([(engine?.running ?? 0) + (engine?.waiting ?? 0), engine?.others], [5, 3])
      })
      const text = await (await fetch(`${gateway.url}/internal/metrics`)).text()
      assert.match(text, /^olla_endpoint_engine_others\{endpoint="gpu"\} 3$/m)
      assert.match(text, /^olla_endpoint_engine_up\{endpoint="gpu"\} 1$/m)
      if (kind === 'llamacpp') {
        assert.match(text, /^olla_endpoint_engine_running\{endpoint="gpu"\} 4$/m)
        assert.match(text, /^olla_endpoint_engine_waiting\{endpoint="gpu"\} 1$/m)
        assert.equal((await engineAt(gateway, 'gpu'))?.max_running, 4)
      } else assert.match(text, /^olla_endpoint_engine_kv_cache_ratio\{endpoint="gpu"\} 0\.0/m)
      const explained = await fetch(`${gateway.url}/internal/explain`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ path: '/v1/chat/completions', body: { model } }),
      })
      const { endpoints } = (await explained.json()) as { endpoints: { engine: EngineView | null }[] }
      assert.equal(endpoints[0]?.engine?.others, 3)
    })
  }

  it('are those of the configuration, for an engine without a profile for them', async (t) => {
    const engine = await scriptedServer(t, ({ path }) => {
      if (path === '/stats?pool=a') return { pools: [{ busy: 2 }, { busy: 5 }] }
      return path.startsWith('/v1/models') ? { data: [{ id: 'm' }] } : undefined
    })
    const signals = [{ path: '/stats?pool=a', running: ['/missing', 'max /pools/*/busy'] }]
    const gateway = await startGateway(
      t,
      [{ url: engine.url, type: 'openai-compatible', name: 'own', signals }],
      sections,
    )
    await settles(async () => assert.equal((await engineAt(gateway, 'own'))?.running, 5))
    assert.equal((await engineAt(gateway, 'own'))?.others, 5)
  })

  it('follow endpoints that are added and removed at run time', async (t) => {
    const first = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const second = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const one = { url: first.url, type: 'vllm', name: 'one' }
    const gateway = await startGateway(t, [one], sections)
    await gateway.reload([one, { url: second.url, type: 'vllm', name: 'two' }], sections)
    await settles(async () => assert.equal((await engineAt(gateway, 'two'))?.state, 'fresh'))
    await gateway.reload([one], sections)
    await settles(async () => assert.equal(await engineAt(gateway, 'two'), undefined))
    const reads = second.control.counters().byPath['/metrics']
    const before = first.control.counters().byPath['/metrics'] ?? 0
    await settles(() => assert.ok((first.control.counters().byPath['/metrics'] ?? 0) >= before + 2))
    assert.equal(second.control.counters().byPath['/metrics'], reads)
  })

  it('say so if an engine does not report them', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    await simulator.control.setFault({ kind: 'status', status: 404, path: '/metrics' })
    const gateway = await startGateway(t, [{ url: simulator.url, type: 'vllm', name: 'gpu' }], sections)
    await settles(async () => assert.deepEqual(await engineAt(gateway, 'gpu'), { state: 'unsupported' }))
    assert.equal((await postChat(gateway.url, { model: 'm', max_tokens: 1 })).status, 200)
    const text = await (await fetch(`${gateway.url}/internal/metrics`)).text()
    assert.match(text, /^olla_endpoint_engine_up\{endpoint="gpu"\} 0$/m)
    assert.doesNotMatch(text, /^olla_endpoint_engine_running\{/m)
  })

  it("show Ollama's models in memory, and read nothing else from it", async (t) => {
    const simulator = await withSimulator(t, {
      kind: 'ollama',
      models: [{ name: 'a:latest' }, { name: 'b:latest', loaded: false }],
    })
    const gateway = await startGateway(t, [{ url: simulator.url, type: 'ollama', name: 'box' }], {
      discovery: { signals: { interval: '1s' }, residency_interval: '50ms' },
    })
    await settles(async () => {
      const engine = await engineAt(gateway, 'box')
      assert.deepEqual(
        engine?.models_in_memory?.map(({ model }) => model),
        ['a:latest'],
      )
      assert.ok((engine.models_in_memory[0]?.vram_bytes ?? 0) > 0)
      assert.equal(engine.state, undefined)
    })
    assert.equal(simulator.control.counters().byPath['/metrics'], undefined)
  })

  it('are rejected at the start if a name cannot be read', () => {
    const configured = (running: string) => () =>
      parseConfig({
        discovery: {
          static: {
            endpoints: [{ url: 'http://127.0.0.1:1', signals: [{ path: '/metrics', running: [running] }] }],
          },
        },
      })
    for (const name of ['', 'a b', 'm{', 'm{a=b}', 'm{a="b"', 'avg m', 'm}', '1m'])
      assert.throws(configured(name), /signals\[0\]\.running\[0\]/, name)
    for (const name of ['m', 'vllm:m', 'max m{a="b",c="d"}', 'm{a}', '/', '/a/*/b', 'count /a b'])
      assert.doesNotThrow(configured(name), name)
  })

  it('cost nothing while they are off', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', models: ['m'] })
    const gateway = await startGateway(t, [{ url: simulator.url, type: 'vllm', name: 'gpu' }], {
      discovery: { signals: { interval: 0 } },
    })
    assert.equal(await engineAt(gateway, 'gpu'), undefined)
    assert.doesNotMatch(await (await fetch(`${gateway.url}/internal/metrics`)).text(), /engine_up/)
  })
})
