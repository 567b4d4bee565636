import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { apiClient } from '../../../src/endpoints/providers/contract/api-client.ts'
import {
  KubernetesProvider,
  type KubernetesProviderOptions,
} from '../../../src/endpoints/providers/kubernetes/kubernetes-provider.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { eventually } from '../../support/simulator.ts'
import { slice, startKubernetesApi } from './kubernetes-api.ts'
import { recordReports } from './reports.ts'

/** Waits of the provider pass ten times as fast. */
const fastClock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 10,
  after: (delayMs: number, run: () => void) => systemClock.after(delayMs / 10, run),
}

async function setUp(t: TestContext, options: Partial<KubernetesProviderOptions> = {}, tokenFile?: string) {
  const api = await startKubernetesApi(t)
  const recorded = recordReports()
  const begin = () => {
    const provider = new KubernetesProvider({
      api: apiClient({ origin: api.origin, tokenFile }),
      namespace: 'models',
      service: 'vllm',
      selector: '',
      port: undefined,
      scheme: 'http',
      clock: fastClock,
      ...options,
    })
    t.after(() => provider.stop())
    provider.start(recorded.reports)
    return provider
  }
  const shows = (...hosts: string[]) => {
    const expected = JSON.stringify(hosts.map((host) => `http://${host}:8000`))
    return eventually(() => JSON.stringify(recorded.ready()) === expected)
  }
  const watched = () => eventually(() => api.watches.size === 1)
  return { api, begin, shows, watched, ...recorded }
}

const endpoint = (address: string, conditions: object, others: object = {}) => ({
  addresses: [address],
  conditions,
  ...others,
})

describe('endpoints by Kubernetes', () => {
  it('are listed in pages, then watched', async (t) => {
    const { api, begin, shows, watched } = await setUp(t)
    api.setPageSize(1)
    api.put(slice('vllm-1', ['10.0.0.1']))
    api.put(slice('vllm-2', ['10.0.0.2', '10.0.0.3']))
    begin()
    await shows('10.0.0.1', '10.0.0.2', '10.0.0.3')
    await watched()
    api.put(slice('vllm-2', ['10.0.0.2']))
    await shows('10.0.0.1', '10.0.0.2')
    api.remove('vllm-1')
    await shows('10.0.0.2')
    const [first] = api.requests
    assert.match(first?.path ?? '', /labelSelector=kubernetes\.io%2Fservice-name%3Dvllm/)
    assert.match(first?.path ?? '', /^\/apis\/discovery\.k8s\.io\/v1\/namespaces\/models\/endpointslices\?/)
  })

  it('follow what happened while a watch was cut, a deletion too', async (t) => {
    const { api, begin, shows, watched } = await setUp(t)
    api.put(slice('vllm-1', ['10.0.0.1']))
    api.put(slice('vllm-2', ['10.0.0.2']))
    begin()
    await shows('10.0.0.1', '10.0.0.2')
    await watched()
    api.cut()
    api.remove('vllm-1')
    await shows('10.0.0.2')
    assert.equal(api.requests.filter(({ path }) => !path.includes('watch=true')).length, 1)
  })

  it('continue from a bookmark', async (t) => {
    const { api, begin, shows, watched } = await setUp(t)
    api.put(slice('vllm-1', ['10.0.0.1']))
    begin()
    await shows('10.0.0.1')
    await watched()
    api.bookmark()
    api.put(slice('vllm-1', ['10.0.0.2']))
    await shows('10.0.0.2')
    const before = api.requests.length
    api.cut()
    await eventually(() => api.requests.length > before)
    assert.match(api.requests.at(-1)?.path ?? '', /resourceVersion=10[3-9]/)
  })

  for (const by of ['status', 'event'] as const)
    it(`are listed anew after 410 as ${by === 'status' ? 'a status' : 'an event of the watch'}`, async (t) => {
      const { api, begin, shows, watched } = await setUp(t)
      api.put(slice('vllm-1', ['10.0.0.1']))
      begin()
      await shows('10.0.0.1')
      await watched()
      api.cut()
      api.put(slice('vllm-2', ['10.0.0.2']))
      api.remove('vllm-1')
      api.forget(by)
      await shows('10.0.0.2')
      await watched()
    })

  it('stay while the API server refuses a token, and come with the next one', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'token')
    writeFileSync(file, 'first\n')
    const { api, begin, shows, watched, failures } = await setUp(t, {}, file)
    api.setToken('first')
    api.put(slice('vllm-1', ['10.0.0.1']))
    begin()
    await shows('10.0.0.1')
    await watched()
    api.setToken('second')
    api.cut()
    api.put(slice('vllm-1', ['10.0.0.2']))
    await eventually(() => failures.includes('the API server answers 401'))
    await shows('10.0.0.1')
    writeFileSync(file, 'second\n')
    await shows('10.0.0.2')
  })

  it('are asked for at most once a second, whatever the server does', async (t) => {
    const { api, begin, watched } = await setUp(t)
    api.put(slice('vllm-1', ['10.0.0.1']))
    begin()
    await watched()
    const startMs = fastClock.monotonicMs()
    const before = api.requests.length
    for (let cut = 1; cut <= 5; cut++) {
      api.cut()
      await eventually(() => api.requests.length === before + cut)
      await watched()
    }
    assert.ok(fastClock.monotonicMs() - startMs > 4_000)
  })

  it('are ready unless their conditions say otherwise', async (t) => {
    const { api, begin, shows } = await setUp(t)
    api.put(
      slice('vllm-1', [
        endpoint('10.0.0.1', {}),
        endpoint('10.0.0.2', { ready: true, serving: true, terminating: false }),
        endpoint('10.0.0.3', { ready: false }),
        endpoint('10.0.0.4', { ready: false, serving: true, terminating: true }),
        endpoint('10.0.0.5', { ready: true, terminating: true }),
        { addresses: [], conditions: { ready: true } },
      ]),
    )
    begin()
    await shows('10.0.0.1', '10.0.0.2')
  })

  it('are one if two slices have the same address', async (t) => {
    const { api, begin, shows } = await setUp(t)
    api.put(slice('vllm-1', [endpoint('10.0.0.1', { ready: false }), '10.0.0.2']))
    api.put(slice('vllm-2', ['10.0.0.1']))
    begin()
    await shows('10.0.0.1', '10.0.0.2')
  })

  it('take settings from labels and annotations, names from pods, the port by name', async (t) => {
    const { api, begin, found } = await setUp(t, { port: 'api', service: undefined, selector: 'llm=yes' })
    const metadata = {
      name: 'vllm-1',
      namespace: 'models',
      labels: {
        'kubernetes.io/service-name': 'vllm',
        'olla-gateway.io/type': 'vllm',
        'olla-gateway.io/weight': 'many',
      },
      annotations: { 'olla-gateway.io/weight': '3', 'olla-gateway.io/tags': 'fast,a100' },
    }
    const ports = [
      { name: 'metrics', port: 9090 },
      { name: 'api', port: 8001 },
    ]
    api.put(
      slice('vllm-1', [endpoint('10.0.0.1', {}, { targetRef: { kind: 'Pod', name: 'vllm-0' } })], {
        metadata,
        ports,
      }),
    )
    begin()
    await eventually(() => found.length > 0)
    const [first] = found[0] ?? []
    assert.equal(first?.url, 'http://10.0.0.1:8001')
    assert.equal(first.name, 'vllm-0')
    assert.deepEqual(first.settings, { type: 'vllm', weight: 3, tags: ['fast', 'a100'] })
    assert.match(api.requests[0]?.path ?? '', /labelSelector=llm%3Dyes/)
  })

  it('wait for an API server that is not there', async (t) => {
    const { failures, reports } = recordReports()
    const provider = new KubernetesProvider({
      api: apiClient({ origin: 'http://127.0.0.1:9' }),
      namespace: 'models',
      service: undefined,
      selector: '',
      port: undefined,
      scheme: 'http',
      clock: fastClock,
    })
    t.after(() => provider.stop())
    provider.start(reports)
    await eventually(() => failures.length >= 2)
    assert.equal(failures[0], 'no answer: ECONNREFUSED')
  })
})
