import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { delivered } from '../../support/registry.ts'
import { createChecker as create, healthUrl as url } from './scripted-checker.ts'
import type { Behaviour } from './scripted-upstreams.ts'

describe('HealthChecker', () => {
  it('probes at once and reports a first success as healthy, without slow start', async () => {
    const { checker, clock, registry } = create([{}, {}], { slowStartMs: 10_000 })
    checker.start()
    await clock.advance(0)
    assert.deepEqual([registry.status(0), registry.status(1)], ['healthy', 'healthy'])
  })

  it('requests the health route with its own User-Agent, no caching, and the endpoint’s headers and timeout', async () => {
    const { checker, clock, upstreams } = create([
      { headers: ['Authorization', 'Bearer s3'], checkTimeoutMs: 1234 },
    ])
    checker.start()
    await clock.advance(0)
    const [request] = upstreams.requests
    assert.equal(request?.url, url)
    assert.equal(request?.timeoutMs, 1234)
    assert.deepEqual(request?.headers, [
      'User-Agent',
      'olla-gateway-HealthChecker/1.2.3',
      'Accept',
      '*/*',
      'Cache-Control',
      'no-cache',
      'Authorization',
      'Bearer s3',
    ])
  })

  it('uses each endpoint’s own interval (Olla: one tick of 30 s for all)', async () => {
    const { checker, clock, upstreams } = create([{ checkIntervalMs: 1000 }, { checkIntervalMs: 7000 }])
    checker.start()
    await clock.advance(70_000)
    assert.equal(upstreams.probes('http://127.0.0.1:9000/health'), 71)
    assert.equal(upstreams.probes('http://127.0.0.1:9001/health'), 11)
  })

  it('spreads the first intervals and shortens all at random, so that endpoints do not stay in step', async () => {
    let turn = 0
    const { checker, clock, upstreams } = create([{}], {
      jitter: 0.4,
      random: () => (turn++ % 2 === 0 ? 1 : 0),
    })
    checker.start()
    await clock.advance(8_600)
    assert.deepEqual(
      upstreams.requests.map(({ atMs }) => Math.round(atMs)),
      [0, 500, 5500, 8500],
    )
  })

  it('never probes an endpoint twice at a time, whatever triggers the probe', async () => {
    const { checker, clock, upstreams, behave } = create()
    behave('hang')
    checker.start()
    await clock.advance(0)
    void checker.probeNow(0)
    void checker.probeNow(0)
    await clock.advance(20_000)
    assert.equal(upstreams.maxProbesOfOne, 1)
  })

  it('limits concurrent probes', async () => {
    const { checker, clock, upstreams, behave, registry } = create([{}, {}, {}, {}, {}], { concurrency: 2 })
    for (let slot = 0; slot < 5; slot++) behave({ status: 200, latencyMs: 100 }, slot)
    checker.start()
    await clock.advance(300)
    assert.equal(upstreams.maxConcurrentProbes, 2)
    assert.equal(registry.routableCount(), 5)
  })

  it('retries within a probe after a reset, but not after a refusal or a timeout', async () => {
    for (const [behaviour, tries] of [
      ['reset', 3],
      ['refuse', 1],
      ['hang', 1],
    ] as const) {
      const { checker, clock, upstreams, behave, registry } = create()
      behave(behaviour)
      checker.start()
      await clock.advance(behaviour === 'hang' ? 2000 : 500)
      assert.equal(upstreams.requests.length, tries, behaviour)
      assert.equal(registry.status(0), 'offline')
    }
    const { checker, clock, behave, registry, transitions } = create()
    behave('reset')
    checker.start()
    await clock.advance(50)
    behave({ status: 200 })
    await clock.advance(100)
    assert.equal(registry.status(0), 'healthy')
    await delivered()
    assert.deepEqual(transitions, ['endpoint-0: unknown > healthy'])
  })

  it('keeps a record for the status routes', async () => {
    const { checker, clock, behave } = create()
    assert.deepEqual(checker.record(0), {
      lastCheckMs: undefined,
      nextCheckMs: undefined,
      lastLatencyMs: undefined,
      consecutiveFailures: 0,
      lastError: undefined,
    })
    behave({ status: 200, latencyMs: 30 })
    checker.start()
    await clock.advance(30)
    assert.deepEqual(checker.record(0), {
      lastCheckMs: clock.nowMs(),
      nextCheckMs: clock.nowMs() + 5000,
      lastLatencyMs: 30,
      consecutiveFailures: 0,
      lastError: undefined,
    })
    behave('refuse')
    await clock.advance(5000)
    assert.deepEqual(checker.record(0), {
      lastCheckMs: clock.nowMs(),
      nextCheckMs: clock.nowMs() + 625,
      lastLatencyMs: undefined,
      consecutiveFailures: 1,
      lastError: 'connection refused',
    })
    behave({ status: 500 })
    await clock.advance(625)
    assert.equal(checker.record(0).lastError, 'probe answered with status 500')
    assert.equal(checker.record(0).consecutiveFailures, 2)
  })

  it('detects a recovery within one interval and one timeout, however long the outage', async () => {
    const outage = fc.constantFrom<Behaviour>('refuse', 'hang', { status: 500 }, { status: 401 })
    await fc.assert(
      fc.asyncProperty(
        outage,
        fc.integer({ min: 1, max: 200_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (behaviour, outageMs, random) => {
          const { checker, clock, registry, behave } = create(
            [{ checkIntervalMs: 5000, checkTimeoutMs: 2000 }],
            {
              jitter: 0.2,
              random: () => random,
            },
          )
          checker.start()
          await clock.advance(1)
          behave(behaviour)
          await clock.advance(outageMs)
          behave({ status: 200 })
          await clock.advance(5000 + 2000)
          assert.equal(registry.status(0), 'healthy')
          checker.stop()
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('slow start', () => {
  it('makes a recovered endpoint warming, then healthy when the time is over', async () => {
    const { checker, clock, registry, behave, transitions } = create([{}], { slowStartMs: 12_000 })
    checker.start()
    await clock.advance(0)
    behave('refuse')
    await clock.advance(5000)
    behave({ status: 200 })
    await clock.advance(625)
    assert.equal(registry.status(0), 'warming')
    await clock.advance(11_999)
    assert.equal(registry.status(0), 'warming')
    await clock.advance(1)
    assert.equal(registry.status(0), 'healthy')
    await delivered()
    assert.deepEqual(transitions, [
      'endpoint-0: unknown > healthy',
      'endpoint-0: healthy > offline',
      'endpoint-0: offline > warming',
      'endpoint-0: warming > healthy',
    ])
  })

  it('starts over if the endpoint fails meanwhile', async () => {
    const { checker, clock, registry, behave } = create([{ checkIntervalMs: 4000 }], { slowStartMs: 10_000 })
    checker.start()
    await clock.advance(0)
    behave('refuse')
    await clock.advance(4000)
    behave({ status: 200 })
    await clock.advance(500)
    assert.equal(registry.status(0), 'warming')
    behave('refuse')
    await clock.advance(4000)
    assert.equal(registry.status(0), 'offline')
    behave({ status: 200 })
    await clock.advance(500)
    assert.equal(registry.status(0), 'warming')
    await clock.advance(9999)
    assert.equal(registry.status(0), 'warming')
    await clock.advance(1)
    assert.equal(registry.status(0), 'healthy')
  })
})

describe('health checker and circuit breaker', () => {
  it('opens the circuit of an endpoint that probes cannot reach, and starts its trial on recovery', async () => {
    const { checker, clock, breakers, behave } = create()
    behave('refuse')
    checker.start()
    await clock.advance(20_000)
    assert.equal(breakers.get(0).state, 'open')
    behave({ status: 200 })
    await clock.advance(5000)
    assert.equal(breakers.get(0).state, 'half_open')
    assert.ok(breakers.get(0).wouldAdmit())
  })

  it('does not close a circuit that bad answers opened, even if the health route succeeds', async () => {
    const { checker, clock, breakers } = create()
    checker.start()
    for (let failure = 0; failure < 5; failure++) {
      breakers.settle({ endpoint: { slot: 0 } }, 'closed', {
        kind: 'answered',
        statusCode: 500,
        firstByteMs: 1,
      })
    }
    await clock.advance(20_000)
    assert.equal(breakers.get(0).state, 'open')
  })

  it('does not accumulate single failures of an idle endpoint', async () => {
    const { checker, clock, breakers, behave } = create()
    checker.start()
    await clock.advance(0)
    for (let time = 0; time < 10; time++) {
      behave('refuse')
      await clock.advance(5000)
      behave({ status: 200 })
      await clock.advance(5000)
    }
    assert.equal(breakers.get(0).state, 'closed')
  })
})

describe('a stopped health checker', () => {
  it('arms no timer and changes no status, even if a probe was in flight', async () => {
    const { checker, clock, registry, behave, upstreams } = create([{}], { slowStartMs: 10_000 })
    checker.start()
    await clock.advance(0)
    behave('refuse')
    await clock.advance(5000)
    behave({ status: 200 })
    await clock.advance(625)
    assert.equal(registry.status(0), 'warming')
    behave({ status: 500, latencyMs: 100 })
    await clock.advance(5000)
    checker.stop()
    checker.stop()
    const probes = upstreams.requests.length
    await clock.advance(60_000)
    assert.equal(upstreams.requests.length, probes)
    assert.equal(clock.armed, 0)
    assert.equal(registry.status(0), 'warming')
  })
})
