import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Endpoint } from '../../../src/endpoints/registry/endpoint.ts'
import type { EstimatedCandidate, PendingWork } from '../../../src/routing/estimate/estimator.ts'
import { expectedLatency } from '../../../src/routing/estimate/expected-latency.ts'
import type { RequestFeatures } from '../../../src/routing/selection/selector.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { WrittenLoad } from '../selection/support.ts'
import { estimatorOver, promptOf, teach, WrittenSignals } from './support.ts'

const model = 'llama3'

/** Endpoints with signals, as an engine of type vLLM has them. */
function fleetOf(count: number, settings: readonly Partial<Endpoint>[] = []) {
  const load = new WrittenLoad(1_200)
  const signals = new WrittenSignals()
  const world = estimatorOver(load, signals)
  const source = { url: 'http://127.0.0.1/metrics', path: '/metrics', numbers: new Map(), adapters: [] }
  const candidates = Array.from(
    { length: count },
    (_, slot): EstimatedCandidate => ({
      endpoint: endpoint({ slot, signals: [source], ...settings[slot] }),
      nativeModel: model,
    }),
  )
  const choose = expectedLatency({ priorityTiers: true, estimator: world.estimator })
  const pick = (features?: RequestFeatures) => choose(candidates, load, undefined, false, features)
  /** Chooses and begins. */
  const send = (features: RequestFeatures): PendingWork => {
    const chosen = pick(features)
    assert.ok(chosen !== undefined)
    load.gauge.acquire(chosen.endpoint.slot)
    return world.estimator.begins(features, chosen)
  }
  const end = (work: PendingWork) => {
    world.estimator.answered(work, true)
    load.gauge.release(work.candidate.endpoint.slot)
  }
  return { ...world, load, signals, candidates, choose, pick, send, end }
}

function countsOf(works: readonly PendingWork[], count: number): number[] {
  const counts = new Array<number>(count).fill(0)
  for (const { candidate } of works)
    counts[candidate.endpoint.slot] = (counts[candidate.endpoint.slot] ?? 0) + 1
  return counts
}

const slotOf = (chosen: { readonly endpoint: { readonly slot: number } } | undefined) => chosen?.endpoint.slot
const prompt = promptOf(['a question'])

describe('expected-latency', () => {
  it('prefers the faster endpoint until it is busy enough', () => {
    const { estimator, candidates, send } = fleetOf(2)
    for (const [slot, tokenMs] of [0.1, 0.5].entries()) {
      const candidate = candidates[slot]
      assert.ok(candidate !== undefined)
      teach(estimator, candidate, { baseMs: 20, tokenMs })
    }
    const counts = countsOf(
      Array.from({ length: 24 }, () => send(promptOf(['q'], 8_000))),
      2,
    )
    assert.ok((counts[0] ?? 0) > 2 * (counts[1] ?? 0) && (counts[1] ?? 0) > 0, counts.join(' '))
  })

  for (const taught of [true, false]) {
    for (const age of [0, 60_000]) {
      it(`spreads a burst of 48 over 4 equal endpoints, ${taught ? 'with' : 'without'} rates, signals ${age} ms old`, () => {
        const { estimator, candidates, signals, send } = fleetOf(4)
        for (const candidate of candidates) {
          signals.values.push({ others: 0, waiting: 0, running: 0 })
          signals.ages.push(age)
          if (taught) teach(estimator, candidate, { baseMs: 50, tokenMs: 0.2, busyMs: 5 })
        }
        for (const count of countsOf(
          Array.from({ length: 48 }, () => send(prompt)),
          4,
        ))
          assert.ok(Math.abs(count - 12) <= 2, String(count))
      })
    }
  }

  for (const inFlight of [1, 8, 48]) {
    it(`balances a prefix that all requests share over 4 endpoints, ${inFlight} at a time`, () => {
      const { estimator, candidates, send, end, clock } = fleetOf(4)
      for (const candidate of candidates) teach(estimator, candidate, { baseMs: 50, tokenMs: 0.2, busyMs: 5 })
      const works: PendingWork[] = []
      const open: PendingWork[] = []
      for (let at = 0; at < 400; at++) {
        const work = send(promptOf(['system', `question ${at}`], 6_000, true))
        works.push(work)
        open.push(work)
        if (open.length < inFlight) continue
        const first = open.shift()
        if (first !== undefined) end(first)
        clock.advance(20)
      }
      const counts = countsOf(works, 4)
      assert.ok(Math.max(...counts) / 100 <= 1.25, counts.join(' '))
    })
  }

  it('sends the next turn of a conversation where its earlier turns are cached', () => {
    const { estimator, candidates, send, end } = fleetOf(4)
    for (const candidate of candidates) teach(estimator, candidate, { baseMs: 50, tokenMs: 0.2 })
    const turns = ['system', 'question']
    const first = send(promptOf(turns, 4_000, true))
    end(first)
    for (let turn = 0; turn < 6; turn++) {
      turns.push(`answer ${turn}`, `question ${turn}`)
      const next = send(promptOf(turns, 4_000, true))
      assert.equal(next.candidate, first.candidate)
      end(next)
    }
  })

  it('among candidates that are about equal, takes the one with the longest cached prefix', () => {
    const { estimator, candidates, load, pick } = fleetOf(3)
    for (const candidate of candidates) teach(estimator, candidate, { baseMs: 2_000, tokenMs: 0.001 })
    estimator.prefixes.add(promptOf(['s']), 1)
    estimator.prefixes.add(promptOf(['s', 't', 'u']), 2)
    load.gauge.acquire(2)
    assert.equal(slotOf(pick(promptOf(['s', 't', 'u', 'v', 'w']))), 2)
  })

  it('sees requests of others, and ignores values that are unknown', () => {
    const { estimator, candidates, signals, pick } = fleetOf(3)
    for (const candidate of candidates) teach(estimator, candidate, { baseMs: 50, tokenMs: 0.2, busyMs: 20 })
    signals.values.push({ others: 9, waiting: 6 }, {}, { others: 20, waiting: 0 })
    for (let turn = 0; turn < 5; turn++) assert.equal(slotOf(pick(prompt)), 1)
  })

  it('avoids an endpoint whose engine has no free place', () => {
    const { estimator, candidates, signals, pick } = fleetOf(2)
    for (const candidate of candidates) teach(estimator, candidate, { baseMs: 50, tokenMs: 0.2 })
    signals.values.push({ others: 4, waiting: 0, max_running: 4 }, { others: 6, waiting: 0, max_running: 64 })
    assert.equal(slotOf(pick(prompt)), 1)
  })

  it('waits for a warm endpoint as long as loading the model elsewhere would take longer', () => {
    const { estimator, load } = fleetOf(0)
    const cold = { endpoint: endpoint({ slot: 0 }), nativeModel: model, isWarm: false }
    const warm = { endpoint: endpoint({ slot: 1 }), nativeModel: model, isWarm: true }
    for (const candidate of [cold, warm]) teach(estimator, candidate, { baseMs: 500, tokenMs: 0 })
    const choose = expectedLatency({ priorityTiers: true, estimator })
    const counts = [0, 0]
    for (let at = 0; at < 40; at++) {
      const chosen = choose([cold, warm], load, undefined, false, prompt)
      const slot = slotOf(chosen) ?? -1
      counts[slot] = (counts[slot] ?? 0) + 1
      load.gauge.acquire(slot)
      if (chosen !== undefined) estimator.begins(prompt, chosen)
    }
    // Loading takes 10 s by the first guess: 20 requests of 500 ms.
    assert.ok((counts[1] ?? 0) >= 20 && (counts[0] ?? 0) >= 5, counts.join(' '))
  })

  it('respects weights, failures and endpoints that take nothing', () => {
    const { estimator, candidates, load, pick } = fleetOf(3, [{ weight: 1 }, { weight: 3 }, {}])
    for (const candidate of candidates) teach(estimator, candidate, { baseMs: 100, tokenMs: 0 })
    assert.equal(slotOf(pick(prompt)), 1)
    load.penalties[1] = 8
    assert.notEqual(slotOf(pick(prompt)), 1)
    load.shares[0] = 0
    assert.equal(slotOf(pick(prompt)), 2)
    load.closed.add(2)
    assert.equal(slotOf(pick(prompt)), 1)
    load.closed.add(1)
    assert.equal(slotOf(pick(prompt)), 0)
  })

  it('uses a lower priority only while no higher one can take a request', () => {
    const { estimator, candidates, load, pick } = fleetOf(2, [{ priority: 200 }, { priority: 100 }])
    for (const [slot, candidate] of candidates.entries())
      teach(estimator, candidate, { baseMs: slot === 0 ? 5_000 : 10, tokenMs: 0.2 })
    assert.equal(slotOf(pick(prompt)), 0)
    load.closed.add(0)
    assert.equal(slotOf(pick(prompt)), 1)
  })

  it('learns from other endpoints what it does not know of one', () => {
    const { estimator, candidates } = fleetOf(3)
    const [known, other] = candidates
    assert.ok(known !== undefined && other !== undefined)
    const blank = estimator.estimateFor(prompt, other)
    assert.equal(blank.confidence, 0)
    teach(estimator, known, { baseMs: 1_000, tokenMs: 1 })
    const borrowed = estimator.estimateFor(prompt, other)
    assert.ok(borrowed.totalMs > 1_500 && borrowed.confidence > 0)
    assert.ok(borrowed.confidence < estimator.estimateFor(prompt, known).confidence)
    const ofType = estimator.estimateFor(prompt, { ...other, nativeModel: 'another' })
    assert.ok(ofType.totalMs > 1_500)
  })

  it('looks at a sample of a large fleet, and at the endpoints with the prefix', () => {
    const { estimator, candidates, load, choose } = fleetOf(1_000)
    const turns = promptOf(['a', 'b', 'c'], 40_000)
    estimator.prefixes.add(promptOf(['a', 'b'], 40_000), 777)
    assert.equal(slotOf(choose(candidates, load, undefined, false, turns)), 777)
    let asked = 0
    const counting = {
      ...load,
      inFlight: (slot: number) => load.inFlight(slot),
      share: () => 1,
      penalty: () => 0,
      admits: () => ++asked > 0,
    }
    choose(candidates, counting, undefined, false, prompt)
    assert.ok(asked <= 20, String(asked))
  })

  it('does not count what ended twice, and leaves nothing behind', () => {
    const { send, end, cells, load } = fleetOf(2)
    const works = Array.from({ length: 100 }, () => send(prompt))
    for (const work of works) {
      end(work)
      work.isAwaiting = false
    }
    assert.deepEqual([cells.awaiting.total(), load.gauge.total()], [0, 0])
  })
})
