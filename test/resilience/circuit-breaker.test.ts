import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { BreakerPolicy, BreakerState } from '../../src/resilience/breaker.ts'
import { type BreakerPermit, BreakerTable, CircuitBreaker } from '../../src/resilience/circuit-breaker.ts'
import { FakeClock } from '../support/fake-clock.ts'

const policy: BreakerPolicy = {
  enabled: true,
  failureThreshold: 3,
  openMs: 30_000,
  trialTimeoutMs: 10_000,
  failureStatuses: new Set([500]),
  connectionErrors: true,
  timeouts: true,
  slowFirstByteMs: 0,
}

function create(overrides: Partial<BreakerPolicy> = {}) {
  const clock = new FakeClock()
  const table = new BreakerTable(2)
  const transitions: string[] = []
  const breaker = new CircuitBreaker(table, 1, { ...policy, ...overrides }, clock, (from, to) =>
    transitions.push(`${from} > ${to}`),
  )
  return { clock, table, breaker, transitions }
}

function open(breaker: CircuitBreaker, source: 'connection' | 'answer' = 'answer'): void {
  for (let failure = 0; failure < policy.failureThreshold; failure++)
    breaker.fail('closed', 'status 500', source)
}

describe('CircuitBreaker', () => {
  it('opens at the threshold of consecutive failures, not before', () => {
    const { breaker, transitions } = create()
    breaker.fail('closed', 'x')
    breaker.fail('closed', 'x')
    assert.equal(breaker.state, 'closed')
    breaker.succeed('closed')
    breaker.fail('closed', 'x')
    breaker.fail('closed', 'x')
    assert.equal(breaker.state, 'closed')
    breaker.fail('closed', 'x')
    assert.equal(breaker.state, 'open')
    assert.deepEqual(transitions, ['closed > open'])
  })

  it('refuses while open and lets exactly one trial through afterwards', async () => {
    const { breaker, clock } = create()
    open(breaker)
    assert.equal(breaker.acquire(), 'refused')
    assert.equal(breaker.wouldAdmit(), false)
    await clock.advance(29_999)
    assert.equal(breaker.acquire(), 'refused')
    await clock.advance(1)
    assert.equal(breaker.wouldAdmit(), true)
    assert.equal(breaker.acquire(), 'trial')
    assert.equal(breaker.acquire(), 'refused')
    assert.equal(breaker.wouldAdmit(), false)
  })

  it('closes on a good trial and opens again on a bad one', async () => {
    const { breaker, clock, transitions } = create()
    open(breaker)
    await clock.advance(30_000)
    breaker.fail(breaker.acquire(), 'still bad')
    assert.equal(breaker.state, 'open')
    assert.equal(breaker.acquire(), 'refused')
    await clock.advance(30_000)
    breaker.succeed(breaker.acquire())
    assert.equal(breaker.state, 'closed')
    assert.equal(breaker.acquire(), 'closed')
    assert.deepEqual(transitions, [
      'closed > open',
      'open > half_open',
      'half_open > open',
      'open > half_open',
      'half_open > closed',
    ])
  })

  it('gives the trial on when a client left with it, or when it never reported back', async () => {
    const { breaker, clock } = create()
    open(breaker)
    await clock.advance(30_000)
    breaker.release(breaker.acquire())
    assert.equal(breaker.acquire(), 'trial')
    await clock.advance(9_999)
    assert.equal(breaker.acquire(), 'refused')
    await clock.advance(1)
    assert.equal(breaker.acquire(), 'trial')
  })

  it('learns from a good probe only what a probe can tell', () => {
    const byConnections = create()
    open(byConnections.breaker, 'connection')
    byConnections.breaker.probeSucceeded()
    assert.equal(byConnections.breaker.state, 'half_open')
    const byAnswers = create()
    open(byAnswers.breaker, 'answer')
    byAnswers.breaker.probeSucceeded()
    assert.equal(byAnswers.breaker.state, 'open')
  })

  it('shows state, reason and times', async () => {
    const { breaker, clock } = create()
    open(breaker)
    await clock.advance(10_000)
    const snapshot = breaker.snapshot()
    assert.equal(snapshot.state, 'open')
    assert.match(snapshot.reason, /3 consecutive failures, the last: status 500/)
    assert.equal(snapshot.sinceMs, clock.nowMs() - 10_000)
    assert.equal(snapshot.retryAtMs, clock.nowMs() + 20_000)
  })

  it('lets everything through where it is off', () => {
    const { breaker } = create({ enabled: false })
    for (let failure = 0; failure < 20; failure++) breaker.fail('closed', 'x')
    assert.equal(breaker.acquire(), 'closed')
    assert.equal(breaker.wouldAdmit(), true)
  })

  it('behaves as the textbook machine under any sequence, from two threads over the same cells', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('acquire' as const), thread: fc.nat(1) }),
      fc.record({
        kind: fc.constantFrom('succeed' as const, 'fail' as const, 'release' as const),
        thread: fc.nat(1),
      }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, table, breaker } = create()
        const threads = [breaker, new CircuitBreaker(table, 1, policy, clock)]
        const model = new TextbookBreaker()
        const held: BreakerPermit[] = []
        for (const each of steps) {
          if (each.kind === 'advance') {
            await clock.advance(each.ms)
            model.nowMs += each.ms
            // A trial that has been given on no longer speaks for the machine.
            if (model.trialIsStale())
              held.splice(0, held.length, ...held.filter((permit) => permit !== 'trial'))
            continue
          }
          const side = threads[each.thread] ?? breaker
          if (each.kind === 'acquire') {
            const permit = side.acquire()
            assert.equal(permit, model.acquire())
            if (permit !== 'refused') held.push(permit)
          } else {
            const permit = held.shift()
            if (permit === undefined) continue
            if (each.kind === 'fail') side.fail(permit, 'x')
            else side[each.kind](permit)
            model[each.kind](permit)
          }
          assert.equal(breaker.state, model.state)
          assert.equal(threads[1]?.state, model.state)
        }
      }),
      { numRuns: 200 },
    )
  })
})

/** The same machine, written as one would on paper. */
class TextbookBreaker {
  state: BreakerState = 'closed'
  nowMs = 0
  #failures = 0
  #openedMs = 0
  #trialMs: number | undefined

  trialIsStale(): boolean {
    return this.#trialMs !== undefined && this.nowMs - this.#trialMs >= policy.trialTimeoutMs
  }

  acquire(): BreakerPermit {
    if (this.state === 'closed') return 'closed'
    if (this.state === 'open') {
      if (this.nowMs - this.#openedMs < policy.openMs) return 'refused'
      this.state = 'half_open'
      this.#trialMs = undefined
    }
    if (this.#trialMs !== undefined && !this.trialIsStale()) return 'refused'
    this.#trialMs = this.nowMs
    return 'trial'
  }

  succeed(permit: BreakerPermit): void {
    if (permit === 'closed' && this.state !== 'closed') return
    this.#failures = 0
    if (permit === 'trial') {
      this.state = 'closed'
      this.#trialMs = undefined
    }
  }

  fail(permit: BreakerPermit): void {
    this.#failures++
    const opens = permit === 'trial' || (this.state === 'closed' && this.#failures >= policy.failureThreshold)
    if (!opens) return
    this.state = 'open'
    this.#openedMs = this.nowMs
    if (permit === 'trial') this.#trialMs = undefined
  }

  release(permit: BreakerPermit): void {
    if (permit === 'trial') this.#trialMs = undefined
  }
}
