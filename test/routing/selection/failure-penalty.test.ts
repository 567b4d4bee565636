import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FailurePenalties } from '../../../src/routing/selection/failure-penalty.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('FailurePenalties', () => {
  it('grow with each failure up to a maximum, per endpoint', () => {
    const penalties = new FailurePenalties(new FakeClock(), new Float64Array(2))
    assert.equal(penalties.of({ endpoint: { slot: 0 } }), 0)
    penalties.failed({ endpoint: { slot: 0 } }, 'endpoint')
    const one = penalties.of({ endpoint: { slot: 0 } })
    penalties.failed({ endpoint: { slot: 0 } }, 'endpoint')
    assert.equal(penalties.of({ endpoint: { slot: 0 } }), 2 * one)
    for (let failure = 0; failure < 100; failure++) penalties.failed({ endpoint: { slot: 0 } }, 'endpoint')
    assert.equal(penalties.of({ endpoint: { slot: 0 } }), 32)
    assert.equal(penalties.of({ endpoint: { slot: 1 } }), 0)
  })

  it('halve in each half-life and end', async () => {
    const clock = new FakeClock()
    const penalties = new FailurePenalties(clock, new Float64Array(2), { halfLifeMs: 1000 })
    penalties.failed({ endpoint: { slot: 0 } }, 'endpoint')
    const full = penalties.of({ endpoint: { slot: 0 } })
    await clock.advance(1000)
    assert.equal(penalties.of({ endpoint: { slot: 0 } }), full / 2)
    await clock.advance(1000)
    assert.equal(penalties.of({ endpoint: { slot: 0 } }), full / 4)
    await clock.advance(20_000)
    assert.equal(penalties.of({ endpoint: { slot: 0 } }), 0)
  })
})
