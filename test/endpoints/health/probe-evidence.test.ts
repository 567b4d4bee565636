import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { delivered } from '../../support/registry.ts'
import { createChecker as create } from './scripted-checker.ts'
import type { Behaviour } from './scripted-upstreams.ts'

describe('a failed probe of an endpoint that serves requests', () => {
  const failures: Behaviour[] = ['hang', 'reset', { status: 503 }, { status: 404 }, { status: 401 }]
  for (const behaviour of failures) {
    const title = typeof behaviour === 'string' ? behaviour : behaviour.status
    it(`(${title}) takes it out only after three in a row`, async () => {
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

  it('(an external monitor that refuses) does not take it out while requests are answered', async () => {
    const { checker, clock, registry, answers, behave } = create([
      { healthUrl: 'http://127.0.0.9:9999/monitor' },
    ])
    checker.start()
    await clock.advance(0)
    behave('refuse')
    for (let time = 0; time < 200; time++) {
      answers.answered(0)
      await clock.advance(500)
      assert.equal(registry.isRoutable(0), true)
    }
  })

  it('is reset by the next success', async () => {
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

  it('makes an endpoint busy, not unhealthy, if its requests are answered', async () => {
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

  it('takes it out at once if its own address refuses, but not if an external monitor does', async () => {
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

describe('an endpoint of unknown type', () => {
  it('is not judged by a guessed health route', async () => {
    const { checker, clock, registry, transitions, behave } = create([{ ownHealthUrl: false }])
    behave({ status: 415 })
    checker.start()
    await clock.advance(0)
    assert.equal(registry.status(0), 'unknown')
    assert.equal(registry.statusDetail(0).reason, 'probe answered with status 415; its kind is not known yet')
    await delivered()
    assert.deepEqual(transitions, [])
  })

  it('is judged by a configured health route', async () => {
    const { checker, clock, registry, behave } = create()
    behave({ status: 415 })
    checker.start()
    await clock.advance(0)
    assert.equal(registry.status(0), 'unhealthy')
  })
})

describe('an endpoint that rejects its model list', () => {
  it('is config_error until the list can be read, even if its health route succeeds', async () => {
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

describe('request results in the health checker', () => {
  it('take an endpoint that refuses connections out at once and probe it again soon', async () => {
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

  it('let it recover at the early probe if the refusal was brief', async () => {
    const { checker, clock, registry } = create()
    checker.start()
    await clock.advance(1000)
    checker.report(0, { kind: 'refused' })
    assert.equal(registry.isRoutable(0), false)
    await clock.advance(100)
    assert.equal(registry.status(0), 'healthy')
  })

  it('pause an endpoint that answered 429 for as long as it requested', async () => {
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

  it('are not overridden by a probe that was in flight at the start of the pause', async () => {
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
