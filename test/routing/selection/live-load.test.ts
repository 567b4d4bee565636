import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import { CircuitBreakers } from '../../../src/endpoints/resilience/circuit-breakers.ts'
import { circuitCells } from '../../../src/endpoints/resilience/circuit-cells.ts'
import { loadCells } from '../../../src/routing/selection/load-cells.ts'
import type { Candidate } from '../../../src/routing/selection/selector.ts'
import { createStrategy } from '../../../src/routing/selection/strategies.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { liveLoad } from '../../support/load.ts'
import { createRegistry } from '../../support/registry.ts'

function create(settings: readonly Partial<Endpoint>[]) {
  const endpoints = settings.map((each, slot) => endpoint({ slot, ...each }))
  const { clock, state, events, registry } = createRegistry(endpoints)
  const breakers = new CircuitBreakers(registry, state.of(circuitCells).endpoints, { clock, events })
  /** Milliseconds until the next probe, by slot. */
  const probeInMs: number[] = []
  const health = {
    retryInMs: (slot: number) => (registry.isRoutable(slot) ? 0 : (probeInMs[slot] ?? 0)),
  }
  const load = liveLoad(state, { clock, registry, breakers, health })
  for (const { slot } of endpoints) registry.setStatus(slot, 'healthy', '')
  return { clock, registry, breakers, load, probeInMs, inFlight: state.of(loadCells).inFlight, endpoints }
}

function only(endpoints: readonly Endpoint[]): Candidate {
  const [first] = endpoints.map((endpoint) => ({ endpoint }))
  assert.ok(first !== undefined)
  return first
}

describe('LiveLoad', () => {
  it('admits by status', () => {
    const { load, registry, endpoints } = create([{}])
    const one = only(endpoints)
    for (const status of ['healthy', 'busy', 'warming'] as const) {
      registry.setStatus(0, status, '')
      assert.equal(load.admits(one), true, status)
    }
    for (const status of ['unknown', 'unhealthy', 'offline', 'config_error', 'rate_limited'] as const) {
      registry.setStatus(0, status, '')
      assert.equal(load.admits(one), false, status)
      assert.equal(load.isFull(one), false, status)
    }
  })

  it('distinguishes full endpoints from unavailable ones: only the former are worth waiting for', async () => {
    const { load, inFlight, clock, endpoints } = create([{ maxConcurrent: 1 }])
    const one = only(endpoints)
    assert.equal(load.admits(one), true)
    inFlight.acquire(0)
    assert.deepEqual([load.admits(one), load.isFull(one)], [false, true])
    load.coolDowns.set({ endpoint: { slot: 0 } }, 1000)
    assert.deepEqual([load.admits(one), load.isFull(one)], [false, false])
    await clock.advance(1000)
    inFlight.release(0)
    assert.deepEqual([load.admits(one), load.isFull(one)], [true, false])
  })

  it('returns the remaining pause of an endpoint that requested one, and of no other', async () => {
    const { load, registry, breakers, clock, probeInMs, endpoints } = create([{}])
    const one = only(endpoints)
    assert.equal(load.pauseMs(one), Number.POSITIVE_INFINITY)
    load.coolDowns.set({ endpoint: { slot: 0 } }, 1_000)
    assert.equal(load.pauseMs(one), 1_000)
    probeInMs[0] = 25_000
    registry.setStatus(0, 'rate_limited', '')
    assert.equal(load.pauseMs(one), 1_000)
    await clock.advance(1_000)
    probeInMs[0] = 300
    assert.equal(load.pauseMs(one), 300)
    for (const status of ['offline', 'unhealthy', 'config_error', 'unknown'] as const) {
      registry.setStatus(0, status, '')
      load.coolDowns.set({ endpoint: { slot: 0 } }, 1_000)
      assert.equal(load.pauseMs(one), Number.POSITIVE_INFINITY, status)
    }
    registry.setStatus(0, 'healthy', '')
    assert.equal(load.pauseMs(one), 1_000)
    for (let failure = 0; failure < 5; failure++)
      breakers.settle({ endpoint: { slot: 0 } }, 'closed', { kind: 'refused' })
    assert.equal(load.pauseMs(one), Number.POSITIVE_INFINITY)
  })

  it('does not admit requests past an open circuit, nor during a trial', async () => {
    const { load, breakers, clock, endpoints } = create([{}])
    const one = only(endpoints)
    const breaker = breakers.get(0)
    for (let failure = 0; failure < 5; failure++)
      breakers.settle({ endpoint: { slot: 0 } }, 'closed', { kind: 'refused' })
    assert.equal(load.admits(one), false)
    await clock.advance(30_000)
    assert.equal(load.admits(one), true)
    const trial = breaker.acquire()
    assert.equal(load.admits(one), false)
    breakers.settle({ endpoint: { slot: 0 } }, trial, { kind: 'answered', statusCode: 200, firstByteMs: 1 })
    assert.equal(load.admits(one), true)
  })

  it('returns when the first candidate may be back, whatever the cause', async () => {
    const { load, breakers, registry, clock, probeInMs, endpoints } = create([{}, {}, {}])
    const all = endpoints.map((endpoint) => ({ endpoint }))
    assert.equal(load.retryAfterSeconds(all), 1)
    for (let failure = 0; failure < 5; failure++)
      breakers.settle({ endpoint: { slot: 0 } }, 'closed', { kind: 'refused' })
    load.coolDowns.set({ endpoint: { slot: 1 } }, 12_300)
    registry.setStatus(2, 'rate_limited', '')
    probeInMs[2] = 20_000
    assert.equal(load.retryAfterSeconds(all), 13)
    await clock.advance(12_300)
    assert.equal(load.retryAfterSeconds(all), 1)
    load.coolDowns.set({ endpoint: { slot: 1 } }, 60_000)
    assert.equal(load.retryAfterSeconds(all), 18)
    probeInMs[2] = 4_500
    assert.equal(load.retryAfterSeconds(all), 5)
    assert.equal(load.retryAfterSeconds([]), 1)
  })

  it('keeps traffic away from an endpoint that fails fast (Olla issue 144)', async () => {
    const { load, breakers, inFlight, clock, endpoints } = create([{}, {}])
    const all = endpoints.map((endpoint) => ({ endpoint }))
    const choose = createStrategy('least-connections', { priorityTiers: true })
    // Nothing but the penalty is to hold it back.
    const failing = 0
    let hits = 0
    for (let request = 0; request < 200; request++) {
      const chosen = choose(all, load, undefined)
      assert.ok(chosen !== undefined)
      const { slot } = chosen.endpoint
      if (slot === failing) {
        hits++
        load.penalties.failed(chosen, 'endpoint')
      } else {
        // The good one is busy: four requests at a time; then one ends.
        inFlight.acquire(slot)
        if (inFlight.value(slot) > 4) inFlight.release(slot)
      }
      await clock.advance(50)
    }
    assert.equal(breakers.get(failing).state, 'closed')
    assert.ok(hits >= 1 && hits <= 20, `${hits} of 200 went to the failing endpoint`)
  })
})
