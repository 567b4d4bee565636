import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Sample } from '../../../src/observe/stats/sample.ts'
import { readSamplerCells, Sampler } from '../../../src/observe/stats/sampler.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function createSampler(capacity = 3) {
  const clock = new FakeClock()
  const cells = readSamplerCells(new SharedState({ endpoints: 4, models: 2 }))
  const samples: Sample[] = []
  const underWay = { tokens: 0 }
  const events = { dropped: 0 }
  const sampler = new Sampler({
    clock,
    cells,
    intervalMs: 2_000,
    capacity,
    endpoints: () => [
      { slot: 0, id: 'e0' },
      { slot: 1, id: 'e1' },
    ],
    tokensInFlight: () => underWay.tokens,
    eventsDropped: () => events.dropped,
    onSample: (json) => samples.push(JSON.parse(json)),
  })
  const { totals, endpoints } = cells
  const finish = (slot: number, tokens: number, firstByteMs: number) => {
    for (const [table, row] of [
      [totals, 0],
      [endpoints, slot],
    ] as const) {
      table.add(row, table.column('requests'), 1)
      table.add(row, table.column('successes'), 1)
      table.add(row, table.column('completionTokens'), tokens)
      table.add(row, table.column('firstByteSumMs'), firstByteMs)
      table.add(row, table.column('firstByteCount'), 1)
    }
    cells.totalHistograms.firstToken.record(0, firstByteMs)
  }
  return { sampler, clock, cells, samples, underWay, events, finish }
}

describe('the sampler', () => {
  it('reports changes since the last sample', async () => {
    const { sampler, clock, samples, finish, events } = createSampler()
    sampler.start()
    finish(0, 10, 100)
    finish(0, 20, 200)
    events.dropped = 4
    await clock.advance(2_000)
    finish(1, 5, 40)
    await clock.advance(2_000)
    sampler.stop()
    const [first, second] = samples
    assert.equal(first?.requests, 2)
    assert.equal(first?.successes, 2)
    assert.equal(first?.completion_tokens, 30)
    assert.equal(first?.interval_ms, 2_000)
    assert.equal(first?.events_dropped, 4)
    assert.deepEqual(first?.endpoints, { e0: [0, 2, 0, 150] })
    assert.equal(second?.requests, 1)
    assert.equal(second?.events_dropped, 0)
    assert.deepEqual(second?.endpoints, { e1: [0, 1, 0, 40] })
    assert.equal((second?.at_ms ?? 0) - (first?.at_ms ?? 0), 2_000)
  })

  it('computes percentiles over the last half minute, and none without requests', async () => {
    const { sampler, clock, samples, finish } = createSampler()
    sampler.start()
    await clock.advance(2_000)
    assert.equal(samples[0]?.first_token_ms, null)
    for (let request = 0; request < 9; request++) finish(0, 1, 100)
    finish(0, 1, 400)
    await clock.advance(2_000)
    assert.deepEqual(samples[1]?.first_token_ms, { p50: 96.2, p90: 96.2, p99: 404 })
    await clock.advance(28_000)
    assert.deepEqual(samples.at(-1)?.first_token_ms, { p50: 96.2, p90: 96.2, p99: 404 })
    await clock.advance(2_000)
    assert.equal(samples.at(-1)?.first_token_ms, null)
    sampler.stop()
  })

  it('counts tokens during a stream, and never a negative number', async () => {
    const { sampler, clock, cells, samples, underWay, finish } = createSampler()
    sampler.start()
    underWay.tokens = 30
    await clock.advance(2_000)
    underWay.tokens = 50
    cells.waiting.acquire(0)
    await clock.advance(2_000)
    // The endpoint counts fewer tokens than there were events.
    underWay.tokens = 0
    finish(0, 48, 10)
    await clock.advance(2_000)
    assert.deepEqual(
      samples.map(({ completion_tokens, waiting }) => [completion_tokens, waiting]),
      [
        [30, 0],
        [20, 1],
        [0, 1],
      ],
    )
    sampler.stop()
  })

  it('shows requests in flight', async () => {
    const { sampler, clock, cells, samples } = createSampler()
    sampler.start()
    cells.inFlight.acquire(1)
    cells.inFlight.acquire(1)
    await clock.advance(2_000)
    assert.equal(samples[0]?.in_flight, 2)
    assert.deepEqual(samples[0]?.endpoints, { e1: [2, 0, 0, null] })
    sampler.stop()
  })

  it('limits the number of samples, and stops', async () => {
    const { sampler, clock } = createSampler(3)
    sampler.start()
    await clock.advance(10_000)
    assert.equal(JSON.parse(sampler.json()).length, 3)
    sampler.stop()
    assert.equal(clock.armed, 0)
  })
})
