import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Endpoint } from '../../src/endpoint/endpoint.ts'
import { AnswerTimes } from '../../src/health/answer-times.ts'
import { HealthChecker, type HealthCheckerOptions } from '../../src/health/health-checker.ts'
import { ProbeRecords } from '../../src/health/probe-records.ts'
import { BoundedQueue } from '../../src/queue/bounded-queue.ts'
import { CircuitBreakers } from '../../src/resilience/circuit-breakers.ts'
import { endpoint } from '../stats/fixtures.ts'
import { createRegistry, delivered } from '../support/registry.ts'
import { type Behaviour, ScriptedUpstreams } from './scripted-upstreams.ts'

const url = 'http://127.0.0.1:9000/health'

function create(
  settings: readonly Partial<Endpoint>[] = [{}],
  options: Partial<HealthCheckerOptions> & { slowStartMs?: number; concurrency?: number } = {},
) {
  const { slowStartMs = 0, concurrency = 10, ...checkerOptions } = options
  const endpoints = settings.map((each, slot) => endpoint({ slot, ownHealthUrl: true, ...each }))
  const { cells, clock, events, registry, transitions } = createRegistry(endpoints, { slowStartMs })
  const breakers = new CircuitBreakers(registry, cells.breakers, { clock, events })
  const upstreams = new ScriptedUpstreams(clock)
  const answers = new AnswerTimes(clock, cells.answeredAtMs)
  const checker = new HealthChecker(
    {
      clock,
      registry,
      records: new ProbeRecords(cells),
      breakers,
      answers,
      fetch: upstreams.fetch,
      queue: new BoundedQueue({ concurrency, capacity: 64 }),
      userAgent: 'olla-gateway-HealthChecker/1.2.3',
    },
    { jitter: 0, random: () => 0.5, ...checkerOptions },
  )
  const behave = (behaviour: Behaviour, slot = 0) =>
    upstreams.behaviour.set(endpoints[slot]?.healthUrl ?? '', behaviour)
  return { clock, registry, breakers, upstreams, answers, checker, transitions, behave }
}

describe('HealthChecker', () => {
  it('probes at once and takes the first good answer for healthy, without a slow start', async () => {
    const { checker, clock, registry } = create([{}, {}], { slowStartMs: 10_000 })
    checker.start()
    await clock.advance(0)
    assert.deepEqual([registry.status(0), registry.status(1)], ['healthy', 'healthy'])
  })

  it('asks the health route with its name, no caching, the endpoint’s headers and time limit', async () => {
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

  it('keeps to each endpoint’s own interval (Olla: one tick of 30 s for all)', async () => {
    const { checker, clock, upstreams } = create([{ checkIntervalMs: 1000 }, { checkIntervalMs: 7000 }])
    checker.start()
    await clock.advance(70_000)
    assert.equal(upstreams.probes('http://127.0.0.1:9000/health'), 71)
    assert.equal(upstreams.probes('http://127.0.0.1:9001/health'), 11)
  })

  it('shortens intervals at random, so that endpoints do not stay in step', async () => {
    let turn = 0
    const { checker, clock, upstreams } = create([{}], {
      jitter: 0.4,
      random: () => (turn++ % 2 === 0 ? 1 : 0),
    })
    checker.start()
    await clock.advance(8_000)
    assert.deepEqual(
      upstreams.requests.map(({ atMs }) => atMs),
      [0, 3000, 8000],
    )
  })

  it('never probes one endpoint twice at a time, whoever asks', async () => {
    const { checker, clock, upstreams, behave } = create()
    behave('hang')
    checker.start()
    await clock.advance(0)
    void checker.probeNow(0)
    void checker.probeNow(0)
    await clock.advance(20_000)
    assert.equal(upstreams.mostForOne, 1)
  })

  it('probes only so many at a time', async () => {
    const { checker, clock, upstreams, behave, registry } = create([{}, {}, {}, {}, {}], { concurrency: 2 })
    for (let slot = 0; slot < 5; slot++) behave({ status: 200, latencyMs: 100 }, slot)
    checker.start()
    await clock.advance(300)
    assert.equal(upstreams.mostAtOnce, 2)
    assert.equal(registry.routableCount(), 5)
  })

  it('asks again within a probe after a reset, but not after a refusal or a timeout', async () => {
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

  it('notices a recovery within one interval and one time limit, however long the outage', async () => {
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

describe('a probe that fails while the endpoint serves', () => {
  const failures: Behaviour[] = ['hang', 'reset', { status: 503 }, { status: 404 }, { status: 401 }]
  for (const behaviour of failures) {
    const title = typeof behaviour === 'string' ? behaviour : behaviour.status
    it(`(${title}) takes it out only when three in a row have failed`, async () => {
      const { checker, clock, registry, behave } = create()
      checker.start()
      await clock.advance(0)
      behave(behaviour)
      for (const failures of [1, 2]) {
        while (checker.record(0).consecutiveFailures < failures) await clock.advance(25)
        assert.equal(registry.status(0), 'healthy')
        assert.notEqual(checker.record(0).lastError, undefined)
      }
      while (checker.record(0).consecutiveFailures < 3) await clock.advance(25)
      assert.equal(registry.isRoutable(0), false)
    })

    it(`(${title}) does not take it out while requests are answered`, async () => {
      const { checker, clock, registry, answers, breakers, behave } = create()
      checker.start()
      await clock.advance(0)
      behave(behaviour)
      for (let time = 0; time < 600; time++) {
        answers.answered(0)
        await clock.advance(50)
        assert.equal(registry.isRoutable(0), true)
      }
      assert.equal(breakers.get(0).state, 'closed')
    })
  }

  it('is forgotten after the next good one', async () => {
    const { checker, clock, registry, behave } = create()
    checker.start()
    await clock.advance(0)
    for (let time = 0; time < 10; time++) {
      behave({ status: 503 })
      while (checker.record(0).consecutiveFailures < 2) await clock.advance(25)
      behave({ status: 200 })
      while (checker.record(0).consecutiveFailures > 0) await clock.advance(25)
      assert.equal(registry.status(0), 'healthy')
    }
  })

  it('brings an endpoint back whose requests are answered, as busy', async () => {
    const { checker, clock, registry, answers, behave } = create()
    behave({ status: 503 })
    checker.start()
    await clock.advance(0)
    assert.equal(registry.status(0), 'unhealthy')
    behave({ status: 503, latencyMs: 10 })
    clock.after(630, () => answers.answered(0))
    await clock.advance(700)
    assert.equal(registry.status(0), 'busy')
    assert.equal(
      registry.statusDetail(0).reason,
      'a request was answered, but: probe answered with status 503',
    )
  })

  it('takes it out at once where its own address refuses, not where an external monitor does', async () => {
    const own = create()
    own.checker.start()
    await own.clock.advance(0)
    own.behave('refuse')
    await own.clock.advance(5000)
    assert.equal(own.registry.status(0), 'offline')

    const external = create([{ healthUrl: 'http://127.0.0.9:9999/monitor' }])
    external.checker.start()
    await external.clock.advance(0)
    external.behave('refuse')
    await external.clock.advance(5000)
    assert.equal(external.registry.status(0), 'healthy')
  })
})

describe('an endpoint whose kind is not known yet', () => {
  it('is not judged by a health route that was a guess', async () => {
    const { checker, clock, registry, transitions, behave } = create([{ ownHealthUrl: false }])
    behave({ status: 415 })
    checker.start()
    await clock.advance(0)
    assert.equal(registry.status(0), 'unknown')
    assert.equal(registry.statusDetail(0).reason, 'probe answered with status 415; its kind is not known yet')
    await delivered()
    assert.deepEqual(transitions, [])
  })

  it('is judged by a health route that the configuration names', async () => {
    const { checker, clock, registry, behave } = create()
    behave({ status: 415 })
    checker.start()
    await clock.advance(0)
    assert.equal(registry.status(0), 'unhealthy')
  })
})

describe('an endpoint that refuses its model list', () => {
  it('is config_error until the list can be read, however good its health route', async () => {
    const { checker, clock, registry } = create()
    checker.start()
    await clock.advance(0)
    checker.report(0, { kind: 'list_refused' })
    assert.equal(registry.status(0), 'config_error')
    await clock.advance(20_000)
    assert.equal(registry.status(0), 'config_error')
    checker.report(0, { kind: 'list_read' })
    await clock.advance(0)
    assert.equal(registry.status(0), 'healthy')
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

  it('begins anew when the endpoint fails meanwhile', async () => {
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

describe('what requests tell the health checker', () => {
  it('takes an endpoint that refuses out at once and looks again soon', async () => {
    const { checker, clock, registry, upstreams, behave } = create()
    checker.start()
    await clock.advance(1000)
    behave('refuse')
    checker.report(0, { kind: 'refused' })
    assert.equal(registry.status(0), 'offline')
    assert.equal(registry.statusDetail(0).reason, 'a request was refused')
    assert.equal(checker.record(0).lastError, 'a request was refused')
    const before = upstreams.requests.length
    checker.report(0, { kind: 'unreachable' })
    await clock.advance(100)
    assert.equal(upstreams.requests.length, before + 1)
  })

  it('takes it back at the early probe where the refusal was a moment’s', async () => {
    const { checker, clock, registry } = create()
    checker.start()
    await clock.advance(1000)
    checker.report(0, { kind: 'refused' })
    assert.equal(registry.isRoutable(0), false)
    await clock.advance(100)
    assert.equal(registry.status(0), 'healthy')
  })

  it('leaves an endpoint that answered 429 alone for as long as it asked', async () => {
    const { checker, clock, registry, upstreams } = create()
    checker.start()
    await clock.advance(0)
    checker.report(0, { kind: 'rate_limited', retryAfterMs: 20_000 })
    assert.equal(registry.status(0), 'rate_limited')
    assert.equal(checker.retryInMs(0), 20_000)
    const before = upstreams.requests.length
    await clock.advance(19_999)
    assert.equal(upstreams.requests.length, before)
    await clock.advance(1)
    assert.equal(registry.status(0), 'healthy')
    assert.equal(checker.retryInMs(0), 0)
  })

  it('does not let a probe that was under way end that pause', async () => {
    const { checker, clock, registry, behave } = create()
    checker.start()
    await clock.advance(0)
    behave({ status: 200, latencyMs: 500 })
    await clock.advance(5000)
    checker.report(0, { kind: 'rate_limited', retryAfterMs: 20_000 })
    await clock.advance(500)
    assert.equal(registry.status(0), 'rate_limited')
    await clock.advance(19_500 - 1)
    assert.equal(registry.status(0), 'rate_limited')
    await clock.advance(501)
    assert.equal(registry.status(0), 'healthy')
  })
})

describe('a probe answered with 429', () => {
  for (const [retryAfter, pauseMs] of [
    ['120', 120_000],
    [undefined, 30_000],
    ['99999999999', 3_600_000],
  ] as const) {
    it(`and Retry-After ${retryAfter} is not repeated for ${pauseMs} ms`, async () => {
      const { checker, clock, registry, upstreams, behave } = create()
      behave({ status: 429, ...(retryAfter === undefined ? {} : { retryAfter }) })
      checker.start()
      await clock.advance(0)
      assert.equal(registry.status(0), 'rate_limited')
      await clock.advance(pauseMs - 1)
      assert.equal(upstreams.requests.length, 1)
      await clock.advance(1)
      assert.equal(upstreams.requests.length, 2)
    })
  }
})

describe('health checker and circuit breaker', () => {
  it('opens the circuit of an endpoint that probes do not reach, and gives it its trial on recovery', async () => {
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

  it('leaves a circuit open that bad answers opened, however well the health route does', async () => {
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

  it('does not add up single failures of an idle endpoint', async () => {
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
  it('arms no timer and changes no status, even where a probe was under way', async () => {
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
