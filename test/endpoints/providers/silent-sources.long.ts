/** Sources that accept connections and say nothing: the first connection, a list, a watch, a handshake, a name server. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import {
  type ApiClient,
  type ApiLimits,
  apiClient,
} from '../../../src/endpoints/providers/contract/api-client.ts'
import type { Provider } from '../../../src/endpoints/providers/contract/contract.ts'
import { DnsProvider, nameServer } from '../../../src/endpoints/providers/dns-provider.ts'
import { DockerProvider } from '../../../src/endpoints/providers/docker/docker-provider.ts'
import { KubernetesProvider } from '../../../src/endpoints/providers/kubernetes/kubernetes-provider.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { startNameServer } from '../../support/name-server.ts'
import { type SilentRelay, startSilentRelay } from '../../support/silent-relay.ts'
import { eventually as eventuallyIn } from '../../support/simulator.ts'
import { container, startDocker } from './docker-api.ts'
import { slice, startKubernetesApi } from './kubernetes-api.ts'
import { recordReports } from './reports.ts'

/** Waits and limits of the providers pass so many times as fast. */
const speed = 20
const fastClock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * speed,
  after: (delayMs: number, run: () => void) => systemClock.after(delayMs / speed, run),
}

const eventually = (condition: () => boolean) => eventuallyIn(condition, { timeoutMs: 60_000 })

/** Records the limits of each request, and shortens them. */
function quickly(client: ApiClient) {
  const asked: { path: string; limits: ApiLimits; startedMs: number }[] = []
  const api: ApiClient = {
    get(path, limits) {
      asked.push({ path, limits, startedMs: fastClock.monotonicMs() })
      const { timeoutMs, idleMs, totalMs = 0, signal } = limits
      return client.get(path, {
        timeoutMs: timeoutMs / speed,
        idleMs: idleMs / speed,
        totalMs: totalMs / speed,
        signal,
      })
    },
  }
  return { api, asked }
}

interface Source {
  readonly relay: SilentRelay
  readonly client: ApiClient
  /** Names the addresses that the source has from now on, and announces that. */
  set(hosts: readonly string[]): void
  readonly port: number
  /** Streams that the server has open. */
  readonly streams: () => number
  make(api: ApiClient): Provider
}

const sources: Readonly<Record<string, (t: TestContext) => Promise<Source>>> = {
  async Docker(t) {
    const docker = await startDocker(t)
    const path = join(docker.folder, 'relay.sock')
    const relay = await startSilentRelay(t, docker.socketPath, path)
    return {
      relay,
      client: apiClient({ origin: 'http://localhost', socketPath: path }),
      port: 11434,
      set: (hosts) => docker.set(hosts.map((host) => container(host, { bridge: host }))),
      streams: () => docker.streams.size,
      make: (api) => new DockerProvider({ api, network: '', clock: fastClock }),
    }
  },
  async Kubernetes(t) {
    const kubernetes = await startKubernetesApi(t)
    const relay = await startSilentRelay(t, Number(new URL(kubernetes.origin).port))
    return {
      relay,
      client: apiClient({ origin: `http://127.0.0.1:${relay.port}` }),
      port: 8000,
      set: (hosts) => kubernetes.put(slice('vllm-1', hosts)),
      streams: () => kubernetes.watches.size,
      make: (api) =>
        new KubernetesProvider({
          api,
          namespace: 'models',
          service: 'vllm',
          selector: '',
          port: undefined,
          scheme: 'http',
          clock: fastClock,
        }),
    }
  },
}

async function setUp(t: TestContext, open: (t: TestContext) => Promise<Source>) {
  const source = await open(t)
  const { api, asked } = quickly(source.client)
  const recorded = recordReports()
  const provider = source.make(api)
  t.after(() => provider.stop())
  const shows = (...hosts: string[]) => {
    const expected = JSON.stringify(hosts.map((host) => `http://${host}:${source.port}`))
    return eventually(() => JSON.stringify(recorded.ready()) === expected)
  }
  return { ...source, ...recorded, asked, provider, shows, start: () => provider.start(recorded.reports) }
}

for (const [name, open] of Object.entries(sources)) {
  describe(`${name} that says nothing`, () => {
    it('is a failure that is reported, and is read once it answers', async (t) => {
      const { relay, failures, found, shows, set, start, asked } = await setUp(t, open)
      set(['10.0.0.1'])
      relay.silence()
      start()
      await eventually(() => failures.length >= 3)
      assert.deepEqual([...new Set(failures)], ['no answer: ETIMEDOUT'])
      assert.deepEqual(found, [])
      assert.ok(relay.acceptedInSilence() >= 3)
      // A list and a stream at most.
      await eventually(() => relay.open.size <= 2)
      assert.ok(
        asked.every(({ limits }) => limits.timeoutMs <= 10_000),
        'silence is noticed after 10 s',
      )
      relay.restore()
      await shows('10.0.0.1')
    })

    it('in the middle keeps what is known, and what was missed is found', async (t) => {
      const { relay, shows, set, start, streams } = await setUp(t, open)
      set(['10.0.0.1'])
      start()
      await shows('10.0.0.1')
      await eventually(() => streams() === 1)
      relay.silence()
      set(['10.0.0.2'])
      relay.restore()
      await shows('10.0.0.2')
    })

    it('forever keeps what is known, with few requests, and leaves no connection after the stop', async (t) => {
      const { relay, failures, ready, set, shows, start, streams, asked, provider, port } = await setUp(
        t,
        open,
      )
      set(['10.0.0.1'])
      start()
      await shows('10.0.0.1')
      await eventually(() => streams() === 1)
      relay.silence()
      const before = asked.length
      await eventually(() => failures.length >= 4)
      assert.deepEqual(ready(), [`http://10.0.0.1:${port}`])
      const later = asked.slice(before)
      for (const path of new Set(later.map((each) => each.path))) {
        const times = later.filter((each) => each.path === path).map(({ startedMs }) => startedMs)
        for (const [at, startedMs] of times.entries())
          if (at > 0) assert.ok(startedMs - (times[at - 1] ?? 0) >= 900, `twice within a second: ${path}`)
      }
      provider.stop()
      await eventually(() => relay.open.size === 0)
    })

    it('is read again on request, although its stream is open and silent', async (t) => {
      const { relay, client, make, set } = await setUp(t, open)
      const recorded = recordReports()
      // With the limits as they are.
      const provider = make(client)
      t.after(() => provider.stop())
      set(['10.0.0.1'])
      provider.start(recorded.reports)
      await eventually(() => recorded.ready()?.length === 1 && relay.open.size === 1)
      relay.silence()
      set(['10.0.0.1', '10.0.0.2'])
      relay.restore()
      provider.refresh()
      await eventually(() => recorded.ready()?.length === 2)
      assert.deepEqual(recorded.failures, [])
    })
  })
}

describe('a silent watch of Kubernetes', () => {
  it('is given up within 60 s', async (t) => {
    const { start, asked, shows, set, streams } = await setUp(t, sources.Kubernetes ?? assert.fail())
    set(['10.0.0.1'])
    start()
    await shows('10.0.0.1')
    await eventually(() => streams() === 1)
    const watch = asked.find(({ path }) => path.includes('watch=true'))
    assert.ok((watch?.limits.idleMs ?? Number.POSITIVE_INFINITY) < 60_000)
    assert.match(watch?.path ?? '', /timeoutSeconds=45/)
  })
})

describe('a server that never finishes the handshake of TLS', () => {
  it('is a failure', async (t) => {
    const relay = await startSilentRelay(t, 9)
    relay.silence()
    const client = apiClient({ origin: `https://127.0.0.1:${relay.port}` })
    const limits = { timeoutMs: 100, idleMs: 100, signal: new AbortController().signal }
    await assert.rejects(client.get('/', limits), { code: 'ETIMEDOUT' })
    await eventually(() => relay.open.size === 0)
  })
})

describe('a name server that does not answer', () => {
  it('keeps what is known, and is a failure until it answers', async (t) => {
    const names = await startNameServer(t, ['10.0.0.1'])
    const { start, failures, ready } = dnsOf(t, [names.address])
    start()
    await eventually(() => ready()?.length === 1)
    names.isSilent = true
    await eventually(() => failures.length >= 2)
    assert.deepEqual([...new Set(failures)], ['gpu.test: ETIMEOUT'])
    assert.deepEqual(ready(), ['http://10.0.0.1:8000'])
    names.isSilent = false
    names.hosts = ['10.0.0.2']
    await eventually(() => ready()?.[0] === 'http://10.0.0.2:8000')
  })

  it('is passed over for the next one', async (t) => {
    const [silent, other] = [await startNameServer(t, []), await startNameServer(t, ['10.0.0.1'])]
    silent.isSilent = true
    const { start, failures, ready } = dnsOf(t, [silent.address, other.address])
    start()
    await eventually(() => ready()?.length === 1)
    assert.deepEqual(failures, [])
  })
})

function dnsOf(t: TestContext, servers: readonly string[]) {
  const recorded = recordReports()
  const provider = new DnsProvider({
    names: ['gpu.test'],
    record: 'A',
    port: 8000,
    scheme: 'http',
    intervalMs: 5_000,
    server: nameServer(servers, 100),
    clock: fastClock,
  })
  t.after(() => provider.stop())
  return { start: () => provider.start(recorded.reports), ...recorded }
}
