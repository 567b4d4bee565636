import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type AttemptResult, CircuitBreakers, countedFailure } from '../../src/resilience/circuit-breakers.ts'
import { endpoint } from '../stats/fixtures.ts'
import { createRegistry, delivered } from '../support/registry.ts'

const policy = {
  enabled: true,
  failureThreshold: 5,
  openMs: 1,
  trialTimeoutMs: 1,
  failureStatuses: new Set([500, 503]),
  connectionErrors: true,
  timeouts: true,
  slowFirstByteMs: 2000,
}

describe('what a circuit breaker counts', () => {
  const cases: [AttemptResult, 'connection' | 'answer' | undefined][] = [
    [{ kind: 'answered', statusCode: 200, firstByteMs: 10 }, undefined],
    [{ kind: 'answered', statusCode: 404, firstByteMs: 10 }, undefined],
    [{ kind: 'answered', statusCode: 500, firstByteMs: 10 }, 'answer'],
    [{ kind: 'answered', statusCode: 200, firstByteMs: 2001 }, 'answer'],
    [{ kind: 'status', statusCode: 503 }, 'answer'],
    [{ kind: 'status', statusCode: 429 }, undefined],
    [{ kind: 'refused' }, 'connection'],
    [{ kind: 'reset' }, 'connection'],
    [{ kind: 'connect_timeout' }, 'connection'],
    [{ kind: 'first_byte_timeout' }, 'answer'],
    [{ kind: 'idle_timeout' }, 'answer'],
    [{ kind: 'total_timeout' }, undefined],
  ]
  for (const [result, source] of cases) {
    it(`${JSON.stringify(result)} counts as ${source ?? 'nothing'}`, () => {
      assert.equal(countedFailure(policy, result)?.source, source)
    })
  }

  it('leaves out what is switched off', () => {
    const lenient = { ...policy, connectionErrors: false, timeouts: false, slowFirstByteMs: 0 }
    assert.equal(countedFailure(lenient, { kind: 'refused' }), undefined)
    assert.equal(countedFailure(lenient, { kind: 'idle_timeout' }), undefined)
    assert.equal(countedFailure(lenient, { kind: 'answered', statusCode: 200, firstByteMs: 9999 }), undefined)
  })
})

describe('CircuitBreakers', () => {
  function create() {
    const { cells, clock, events, registry, transitions } = createRegistry([
      endpoint({ slot: 0, name: 'a' }),
      endpoint({ slot: 1, name: 'b' }),
    ])
    return { clock, transitions, breakers: new CircuitBreakers(registry, cells.breakers, { clock, events }) }
  }

  it('keeps one per endpoint, and tells its transitions by name', async () => {
    const { breakers, clock, transitions } = create()
    for (let failure = 0; failure < 5; failure++) breakers.settle(1, 'closed', { kind: 'refused' })
    assert.deepEqual([breakers.get(0).state, breakers.get(1).state], ['closed', 'open'])
    assert.match(breakers.get(1).snapshot().reason, /connection refused/)
    await clock.advance(30_000)
    breakers.settle(1, breakers.get(1).acquire(), { kind: 'answered', statusCode: 404, firstByteMs: 1 })
    await delivered()
    assert.deepEqual(transitions, ['b: closed > open', 'b: open > half_open', 'b: half_open > closed'])
    assert.throws(() => breakers.get(2), RangeError)
  })

  it('does not count an answer that the policy does not name, and lets a good one end the row', () => {
    const { breakers } = create()
    const fail = () => breakers.settle(0, 'closed', { kind: 'status', statusCode: 500 })
    for (let failure = 0; failure < 4; failure++) fail()
    breakers.settle(0, 'closed', { kind: 'status', statusCode: 429 })
    assert.equal(breakers.get(0).snapshot().consecutiveFailures, 4)
    breakers.settle(0, 'closed', { kind: 'answered', statusCode: 200, firstByteMs: 1 })
    for (let failure = 0; failure < 4; failure++) fail()
    assert.equal(breakers.get(0).state, 'closed')
    fail()
    assert.equal(breakers.get(0).state, 'open')
  })

  it('gives the trial on when its outcome says nothing about the endpoint', async () => {
    const { breakers, clock } = create()
    for (let failure = 0; failure < 5; failure++) breakers.settle(0, 'closed', { kind: 'refused' })
    await clock.advance(30_000)
    for (const result of [{ kind: 'status', statusCode: 429 }, { kind: 'total_timeout' }] as const) {
      const trial = breakers.get(0).acquire()
      assert.equal(breakers.get(0).acquire(), 'refused')
      breakers.settle(0, trial, result)
      assert.equal(breakers.get(0).state, 'half_open')
      assert.ok(breakers.get(0).wouldAdmit())
    }
  })
})
