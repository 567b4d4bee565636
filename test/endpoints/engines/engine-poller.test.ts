import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FetchError, type FetchRequest } from '../../../src/endpoints/connections/fetch.ts'
import { EnginePoller } from '../../../src/endpoints/engines/engine-poller.ts'
import { EngineSignals } from '../../../src/endpoints/engines/engine-signals.ts'
import { staleAfterMs } from '../../../src/endpoints/engines/poll-schedule.ts'
import { signalCells } from '../../../src/endpoints/engines/signal-cells.ts'
import type { Endpoint, EndpointSignals } from '../../../src/endpoints/registry/endpoint.ts'
import { type SignalSourceDocument, signalSource } from '../../../src/endpoints/signals/signal-source.ts'
import { BoundedQueue } from '../../../src/kernel/bounded-queue.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry } from '../../support/registry.ts'

const intervalMs = 2_000
const base = 'http://127.0.0.1:9000'

type Page = string | number | 'silent'

function source(document: SignalSourceDocument): EndpointSignals {
  return { ...signalSource(document), url: new URL(document.path, base).href }
}

const metrics = source({
  path: '/metrics',
  running: ['running'],
  waiting: ['waiting'],
  prefix_hits: ['hits'],
  prefix_queries: ['queries'],
})

function start(options: { pages?: Record<string, Page>; signals?: EndpointSignals[]; random?: number } = {}) {
  const one = endpoint({ signals: options.signals ?? [metrics], headers: ['authorization', 'secret'] })
  const { registry, clock, state } = createRegistry([one])
  registry.setStatus(0, 'healthy', 'answered')
  const pages: Record<string, Page> = options.pages ?? { '/metrics': 'running 3\nwaiting 2\n' }
  const requests: (FetchRequest & { readonly atMs: number })[] = []
  const load = { own: 0 }
  const signals = new EngineSignals(clock, state.of(signalCells), staleAfterMs(intervalMs))
  const poller = new EnginePoller(
    {
      clock,
      registry,
      signals,
      async fetch(request) {
        requests.push({ ...request, atMs: clock.monotonicMs() })
        const page = pages[new URL(request.url).pathname] ?? 404
        if (page === 'silent')
          throw new FetchError({ kind: 'first_byte_timeout' }, 'no answer within 2000 ms')
        const statusCode = typeof page === 'number' ? page : 200
        return { statusCode, header: () => undefined, body: Buffer.from(String(page)), durationMs: 1 }
      },
      queue: new BoundedQueue({ concurrency: 2, capacity: 8 }),
      inFlight: () => load.own,
      userAgent: 'test',
    },
    { random: () => options.random ?? 0.5 },
  )
  poller.start(intervalMs)
  return { poller, registry, clock, signals, pages, requests, load, one }
}

const paths = (requests: readonly FetchRequest[]) => requests.map(({ url }) => new URL(url).pathname)

describe('reading engines', () => {
  it('gives values to readers of the cells, with the requests of others', async () => {
    const { clock, signals, load } = start()
    assert.equal(signals.read(0).outcome, undefined)
    assert.ok(Number.isNaN(signals.value(0, 'running')))
    load.own = 4
    await clock.advance(intervalMs)
    assert.equal(signals.value(0, 'running'), 3)
    assert.equal(signals.value(0, 'waiting'), 2)
    assert.equal(signals.others(0), 1)
    assert.ok(Number.isNaN(signals.value(0, 'kv_cache_used')))
    assert.deepEqual(signals.read(0).values, { running: 3, waiting: 2 })
  })

  it('never counts more own requests than the engine has', async () => {
    const { clock, signals, load } = start()
    load.own = 50
    await clock.advance(intervalMs)
    assert.equal(signals.others(0), 0)
  })

  it('is spread over time, and at most once a second', async () => {
    for (const random of [0, 0.5, 0.999]) {
      const { clock, requests } = start({ random })
      await clock.advance(60_000)
      assert.ok((requests[0]?.atMs ?? Number.NaN) <= intervalMs)
      for (const [at, { atMs }] of requests.entries())
        if (at > 0) assert.ok(atMs - (requests[at - 1]?.atMs ?? 0) >= 1_000)
      assert.ok(requests.length >= 25, `${requests.length}`)
    }
  })

  it('makes values stale after missed intervals, and unknown, not 0', async () => {
    const { clock, signals, pages } = start()
    await clock.advance(intervalMs)
    pages['/metrics'] = 'silent'
    await clock.advance(staleAfterMs(intervalMs) + intervalMs)
    const reading = signals.read(0)
    assert.deepEqual([reading.outcome, reading.isStale], ['failed', true])
    assert.equal(reading.error, 'no answer within 2000 ms')
    assert.ok(Number.isNaN(signals.value(0, 'running')))
    assert.ok(Number.isNaN(signals.others(0)))
  })

  it('backs off from an engine that fails, and returns to its interval', async () => {
    const { clock, signals, pages, requests } = start({ pages: { '/metrics': 500 } })
    await clock.advance(600_000)
    const failing = requests.length
    assert.ok(failing >= 10 && failing <= 20, `${failing}`)
    assert.equal(signals.read(0).error, 'status 500')
    pages['/metrics'] = 'running 1\n'
    await clock.advance(75_000)
    const known = requests.length
    await clock.advance(22_000)
    assert.ok(requests.length - known >= 9)
    assert.equal(signals.read(0).consecutiveFailures, 0)
  })

  for (const status of [404, 405, 501]) {
    it(`remembers that a route does not exist (${status})`, async () => {
      const { clock, signals, requests } = start({ pages: { '/metrics': status } })
      await clock.advance(290_000)
      assert.equal(requests.length, 1)
      assert.equal(signals.read(0).outcome, 'unsupported')
      await clock.advance(30_000)
      assert.equal(requests.length, 2)
    })
  }

  it('asks again at once after the endpoint was out of service', async () => {
    const { clock, registry, signals, pages, requests } = start({ pages: { '/metrics': 501 } })
    await clock.advance(intervalMs)
    registry.setStatus(0, 'offline', 'refused')
    await clock.advance(10_000)
    assert.equal(requests.length, 1)
    pages['/metrics'] = 'running 1\n'
    registry.setStatus(0, 'healthy', 'answered')
    await clock.advance(intervalMs * 2)
    assert.equal(signals.value(0, 'running'), 1)
  })

  it('reports a page without any of the names as unknown', async () => {
    const { clock, signals, requests } = start({ pages: { '/metrics': 'other 3\n' } })
    await clock.advance(50_000)
    assert.equal(requests.length, 1)
    assert.equal(signals.read(0).outcome, 'unknown')
    assert.ok(Number.isNaN(signals.value(0, 'running')))
  })

  it('forgets a value whose name has gone', async () => {
    const { clock, signals, pages } = start()
    await clock.advance(intervalMs)
    pages['/metrics'] = 'running 1\n'
    await clock.advance(intervalMs * 2)
    assert.equal(signals.value(0, 'running'), 1)
    assert.ok(Number.isNaN(signals.value(0, 'waiting')))
  })

  it('gives the hit rate of the prefix cache since the last reading', async () => {
    const { clock, signals, pages } = start({ pages: { '/metrics': 'hits 100\nqueries 1000\n' } })
    const next = async (hits: number, queries: number) => {
      pages['/metrics'] = `hits ${hits}\nqueries ${queries}\n`
      await clock.advance(intervalMs * 1.2)
      return signals.read(0).hitRate
    }
    await clock.advance(intervalMs)
    assert.equal(signals.read(0).hitRate, undefined)
    assert.equal(await next(150, 1100), 0.5)
    assert.equal(await next(150, 1100), 0.5)
    assert.equal(await next(10, 100), undefined)
    assert.equal(await next(100, 200), 0.9)
  })

  it('reads a later source for what the earlier ones lack', async () => {
    const signals = [
      source({ path: '/metrics', running: ['running'], waiting: ['waiting'] }),
      source({ path: '/props', max_running: ['/total_slots'], sleeping: ['/is_sleeping'] }),
      source({ path: '/slots', running: ['sum /*/is_processing'], max_running: ['count /*'] }),
    ]
    const all = {
      '/metrics': 'running 1\nwaiting 0\n',
      '/props': '{"total_slots":4}',
      '/slots': '[{"is_processing":true}]',
    }
    const full = start({ signals, pages: { ...all } })
    await full.clock.advance(intervalMs)
    assert.deepEqual(paths(full.requests), ['/metrics', '/props'])
    const withoutMetrics = start({ signals, pages: { ...all, '/metrics': 501 } })
    await withoutMetrics.clock.advance(intervalMs * 2)
    assert.deepEqual(paths(withoutMetrics.requests).slice(0, 5), [
      '/metrics',
      '/props',
      '/slots',
      '/props',
      '/slots',
    ])
    assert.deepEqual(withoutMetrics.signals.read(0).values, { running: 1, max_running: 4 })
    const asleep = start({
      signals,
      pages: { ...all, '/metrics': 501, '/props': '{"total_slots":4,"is_sleeping":true}' },
    })
    await asleep.clock.advance(intervalMs)
    assert.deepEqual(paths(asleep.requests), ['/metrics', '/props'])
    assert.equal(asleep.signals.value(0, 'sleeping'), 1)
  })

  it('gives credentials to the endpoint and to no other server', async () => {
    const other = { ...metrics, url: 'http://127.0.0.2:9100/metrics' }
    const { clock, requests } = start({ signals: [{ ...metrics, url: `${base}/none` }, other] })
    await clock.advance(intervalMs)
    const [own, elsewhere] = requests
    assert.ok(own?.headers.includes('secret'))
    assert.ok(elsewhere !== undefined && !elsewhere.headers.includes('secret'))
  })

  it('follows endpoints that are added, changed and removed', async () => {
    const { clock, registry, requests, one } = start()
    await clock.advance(intervalMs)
    const added: Endpoint = endpoint({ slot: 1, signals: [{ ...metrics, url: `${base}/metrics` }] })
    registry.replaceAll([one, added])
    registry.setStatus(1, 'healthy', 'answered')
    const before = requests.length
    await clock.advance(intervalMs * 4)
    assert.ok(requests.length - before >= 6)
    registry.replaceAll([{ ...one, signals: [] }])
    registry.leave(1)
    const after = requests.length
    await clock.advance(60_000)
    assert.equal(requests.length, after)
    assert.equal(clock.armed, 0)
  })

  it('has no timer for an endpoint that reports nothing, nor after its end', async () => {
    assert.equal(start({ signals: [] }).clock.armed, 0)
    const { clock, poller } = start()
    poller.stop()
    assert.equal(clock.armed, 0)
  })

  it('knows the names of adapters, and none from no answer', async () => {
    const signals = [source({ path: '/metrics', adapters: ['info{names}'], running: ['running'] })]
    const { clock, signals: known, pages } = start({ signals, pages: { '/metrics': 'running 1\n' } })
    await clock.advance(intervalMs)
    assert.equal(known.read(0).adapters, undefined)
    pages['/metrics'] = 'info{names="a, b"} 7\n'
    await clock.advance(intervalMs * 1.2)
    assert.deepEqual(known.read(0).adapters, ['a', 'b'])
    pages['/metrics'] = 'info{names=""} 8\n'
    await clock.advance(intervalMs * 1.2)
    assert.deepEqual(known.read(0).adapters, [])
  })
})
