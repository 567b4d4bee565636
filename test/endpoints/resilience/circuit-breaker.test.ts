import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { BreakerPolicy } from '../../../src/endpoints/registry/breaker-policy.ts'
import { BreakerTable } from '../../../src/endpoints/resilience/breaker-table.ts'
import { type BreakerPermit, CircuitBreaker } from '../../../src/endpoints/resilience/circuit-breaker.ts'
import type { BreakerState } from '../../../src/kernel/breaker-state.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const policy: BreakerPolicy = {
  enabled: true,
  failureThreshold: 3,
  openDurationMs: 30_000,
  trialTimeoutMs: 10_000,
  failureStatuses: new Set([500]),
  connectionErrors: true,
  timeouts: true,
  slowFirstByteMs: 0,
}

function create(overrides: Partial<BreakerPolicy> = {}) {
  const clock = new FakeClock()
  const blocks = new SharedBlocks(2)
  const table = new BreakerTable(2, blocks.place('breakers'))
  const transitions: string[] = []
  const breaker = new CircuitBreaker(table, 1, { ...policy, ...overrides }, clock, (from, to) =>
    transitions.push(`${from} > ${to}`),
  )
  return { clock, blocks, table, breaker, transitions }
}

function open(breaker: CircuitBreaker, source: 'connection' | 'answer' = 'answer'): void {
  for (let failure = 0; failure < policy.failureThreshold; failure++)
    breaker.fail('closed', 'status 500', source)
}

function kindOf(permit: BreakerPermit): 'closed' | 'refused' | 'trial' {
  return typeof permit === 'object' ? 'trial' : permit
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

  it('rejects while open and then admits exactly one trial', async () => {
    const { breaker, clock } = create()
    open(breaker)
    assert.equal(breaker.acquire(), 'refused')
    assert.equal(breaker.wouldAdmit(), false)
    await clock.advance(29_999)
    assert.equal(breaker.acquire(), 'refused')
    await clock.advance(1)
    assert.equal(breaker.wouldAdmit(), true)
    assert.equal(kindOf(breaker.acquire()), 'trial')
    assert.equal(breaker.acquire(), 'refused')
    assert.equal(breaker.wouldAdmit(), false)
  })

  it('closes on a successful trial and reopens on a failed one', async () => {
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

  it('passes the trial on if its client disconnected or it never reported back', async () => {
    const { breaker, clock } = create()
    open(breaker)
    await clock.advance(30_000)
    breaker.release(breaker.acquire())
    assert.equal(kindOf(breaker.acquire()), 'trial')
    await clock.advance(9_999)
    assert.equal(breaker.acquire(), 'refused')
    await clock.advance(1)
    assert.equal(kindOf(breaker.acquire()), 'trial')
  })

  it('ignores the result of a trial that was passed on', async () => {
    const { breaker, clock } = create()
    open(breaker)
    await clock.advance(30_000)
    const slow = breaker.acquire()
    await clock.advance(10_000)
    const next = breaker.acquire()
    assert.equal(kindOf(next), 'trial')
    breaker.release(slow)
    assert.equal(breaker.acquire(), 'refused')
    breaker.fail(slow, 'late')
    assert.equal(breaker.state, 'half_open')
    breaker.succeed(slow)
    assert.equal(breaker.state, 'half_open')
    breaker.succeed(next)
    assert.equal(breaker.state, 'closed')
  })

  it('ignores later results of a settled trial', async () => {
    const { breaker, clock } = create()
    open(breaker)
    await clock.advance(30_000)
    const first = breaker.acquire()
    breaker.succeed(first)
    open(breaker)
    await clock.advance(30_000)
    assert.equal(kindOf(breaker.acquire()), 'trial')
    breaker.release(first)
    assert.equal(breaker.acquire(), 'refused')
  })

  it('counts failed probes like requests without a connection, until a probe succeeds', () => {
    const { breaker } = create()
    breaker.probeFailed('refused')
    breaker.probeFailed('refused')
    breaker.probeSucceeded()
    breaker.fail('closed', 'status 500')
    breaker.probeFailed('refused')
    assert.equal(breaker.state, 'closed')
    assert.equal(breaker.snapshot().consecutiveFailures, 2)
    breaker.probeSucceeded()
    assert.equal(breaker.snapshot().consecutiveFailures, 1)
    breaker.probeFailed('refused')
    breaker.probeFailed('refused')
    assert.equal(breaker.state, 'open')
    breaker.probeSucceeded()
    assert.equal(breaker.state, 'half_open')
  })

  it('does not count failed probes if connection errors do not count', () => {
    const { breaker } = create({ connectionErrors: false })
    for (let probe = 0; probe < 10; probe++) breaker.probeFailed('refused')
    assert.equal(breaker.state, 'closed')
  })

  it('learns from a successful probe only what a probe can show', () => {
    const byConnections = create()
    open(byConnections.breaker, 'connection')
    byConnections.breaker.probeSucceeded()
    assert.equal(byConnections.breaker.state, 'half_open')
    const byAnswers = create()
    open(byAnswers.breaker, 'answer')
    byAnswers.breaker.probeSucceeded()
    assert.equal(byAnswers.breaker.state, 'open')
  })

  it('reports state, reason and times', async () => {
    const { breaker, clock } = create()
    open(breaker)
    await clock.advance(10_000)
    const snapshot = breaker.snapshot()
    assert.equal(snapshot.state, 'open')
    assert.match(snapshot.reason, /3 consecutive failures, the last: status 500/)
    assert.equal(snapshot.sinceMs, clock.nowMs() - 10_000)
    assert.equal(snapshot.retryAtMs, clock.nowMs() + 20_000)
  })

  it('admits everything if it is disabled', () => {
    const { breaker } = create({ enabled: false })
    for (let failure = 0; failure < 20; failure++) breaker.fail('closed', 'x')
    assert.equal(breaker.acquire(), 'closed')
    assert.equal(breaker.wouldAdmit(), true)
  })

  it('passes on only the trial of a thread that has ended', async () => {
    const { breaker, blocks, clock } = create()
    const elsewhere = new CircuitBreaker(
      new BreakerTable(2, new SharedBlocks(2, 1, blocks.description).place('breakers')),
      1,
      policy,
      clock,
    )
    open(breaker)
    await clock.advance(30_000)
    const permit = elsewhere.acquire()
    breaker.reclaim(0)
    assert.equal(breaker.acquire(), 'refused')
    breaker.reclaim(1)
    assert.equal(kindOf(breaker.acquire()), 'trial')
    // What the ended thread might still have said comes too late.
    elsewhere.succeed(permit)
    assert.equal(breaker.state, 'half_open')
  })

  it('reports to all threads why and since when it is open', () => {
    const { breaker, blocks, clock } = create()
    const elsewhere = new CircuitBreaker(
      new BreakerTable(2, new SharedBlocks(2, 1, blocks.description).place('breakers')),
      1,
      policy,
      clock,
    )
    assert.deepEqual([elsewhere.snapshot().reason, elsewhere.snapshot().sinceMs], ['', undefined])
    open(breaker)
    assert.deepEqual(elsewhere.snapshot(), breaker.snapshot())
    assert.match(elsewhere.snapshot().reason, /status 500/)
    assert.equal(elsewhere.snapshot().sinceMs, clock.nowMs())
  })

  it('behaves as the textbook state machine under any sequence, from two threads over the same cells', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('acquire' as const), thread: fc.nat(1) }),
      fc.record({
        kind: fc.constantFrom('succeed' as const, 'fail' as const, 'release' as const),
        thread: fc.nat(1),
        which: fc.nat(9),
      }),
      fc.record({
        kind: fc.constantFrom('probeFailed' as const, 'probeSucceeded' as const),
        thread: fc.nat(1),
      }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, blocks, breaker } = create()
        const elsewhere = new BreakerTable(2, new SharedBlocks(2, 1, blocks.description).place('breakers'))
        const threads = [breaker, new CircuitBreaker(elsewhere, 1, policy, clock)]
        const model = new TextbookBreaker()
        const held: { permit: BreakerPermit; model: ModelPermit }[] = []
        for (const each of steps) {
          if (each.kind === 'advance') {
            await clock.advance(each.ms)
            model.nowMs += each.ms
            continue
          }
          const side = threads[each.thread] ?? breaker
          if (each.kind === 'acquire') {
            assert.equal(side.wouldAdmit(), model.wouldAdmit())
            const permit = side.acquire()
            const expected = model.acquire()
            assert.equal(kindOf(permit), typeof expected === 'number' ? 'trial' : expected)
            if (permit !== 'refused') held.push({ permit, model: expected })
          } else if (each.kind === 'probeFailed') {
            side.probeFailed('x')
            model.probeFailed()
          } else if (each.kind === 'probeSucceeded') {
            side.probeSucceeded()
            model.probeSucceeded()
          } else if ('which' in each) {
            const [settled] = held.splice(held.length === 0 ? 0 : each.which % held.length, 1)
            if (settled === undefined) continue
            if (each.kind === 'fail') side.fail(settled.permit, 'x')
            else side[each.kind](settled.permit)
            model[each.kind](settled.model)
          }
          assert.equal(breaker.state, model.state)
          assert.equal(threads[1]?.state, model.state)
        }
      }),
      { numRuns: 500 },
    )
  })
})

type ModelPermit = 'closed' | 'refused' | number

/** The same machine, written as one would on paper. */
class TextbookBreaker {
  state: BreakerState = 'closed'
  nowMs = 0
  #requestFailures = 0
  #probeFailures = 0
  #bySilence = false
  #openedMs = 0
  #trials = 0
  #trial: { number: number; sinceMs: number } | undefined

  wouldAdmit(): boolean {
    if (this.state === 'closed') return true
    if (this.state === 'open') return this.nowMs - this.#openedMs >= policy.openDurationMs
    return this.#trial === undefined || this.nowMs - this.#trial.sinceMs >= policy.trialTimeoutMs
  }

  acquire(): ModelPermit {
    if (this.state === 'closed') return 'closed'
    if (!this.wouldAdmit()) return 'refused'
    this.state = 'half_open'
    this.#trial = { number: this.#trials++, sinceMs: this.nowMs }
    return this.#trial.number
  }

  succeed(permit: ModelPermit): void {
    const isTrial = this.#trial !== undefined && this.#trial.number === permit
    if (!isTrial && this.state !== 'closed') return
    this.state = 'closed'
    this.#trial = undefined
    this.#requestFailures = 0
    this.#probeFailures = 0
  }

  fail(permit: ModelPermit): void {
    this.#requestFailures++
    if (this.#trial !== undefined && this.#trial.number === permit) this.#open(false)
    else this.#check(false)
  }

  release(permit: ModelPermit): void {
    if (this.#trial?.number === permit) this.#trial = undefined
  }

  probeFailed(): void {
    if (this.state !== 'closed') return
    this.#probeFailures++
    this.#check(true)
  }

  probeSucceeded(): void {
    if (this.state === 'closed') this.#probeFailures = 0
    else if (this.state === 'open' && this.#bySilence) this.state = 'half_open'
  }

  #check(bySilence: boolean): void {
    const failures = this.#requestFailures + this.#probeFailures
    if (this.state === 'closed' && failures >= policy.failureThreshold) this.#open(bySilence)
  }

  #open(bySilence: boolean): void {
    this.state = 'open'
    this.#bySilence = bySilence
    this.#openedMs = this.nowMs
    this.#trial = undefined
  }
}
