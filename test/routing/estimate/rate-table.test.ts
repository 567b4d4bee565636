import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LearnedRates } from '../../../src/routing/estimate/learned-rates.ts'
import { RateTable } from '../../../src/routing/estimate/rate-table.ts'
import { threadPlaces } from '../../support/threads.ts'
import { StillClock, sample } from './support.ts'

const at = (slot: number, nativeModel = 'm') => ({ endpoint: { slot, type: 'vllm' }, nativeModel })
const seen = (firstTokenMs: number) =>
  sample({ uncachedTokens: 100, promptTokens: 100, firstTokenMs, totalMs: 1_000 })

describe('RateTable', () => {
  it('is bounded: the row used longest ago is taken over', () => {
    const clock = new StillClock()
    const table = new RateTable(16)
    const rates = new LearnedRates(table, clock)
    for (let slot = 0; slot < 100; slot++) {
      rates.learn(at(slot, `m${slot}`), seen(100))
      clock.advance(10)
    }
    assert.equal(table.size, 16)
    assert.ok(table.find(99, 'm99') >= 0)
    assert.equal(table.find(3, 'm3'), -1)
  })

  it('forgets an endpoint, and starts anew for the next one in its slot', () => {
    const table = new RateTable(16)
    const rates = new LearnedRates(table, new StillClock())
    rates.learn(at(3), seen(5_000))
    rates.learn(at(4), seen(50))
    rates.clear(3)
    assert.equal(table.find(3, 'm'), -1)
    assert.ok(table.find(4, 'm') >= 0)
  })

  it('is one for all threads', () => {
    const clock = new StillClock()
    const tables = threadPlaces(3, (place) => new RateTable(32, place))
    const [one, two, three] = tables.map((table) => new LearnedRates(table, clock))
    assert.ok(one !== undefined && two !== undefined && three !== undefined)
    assert.equal(three.startOf(at(1)), -1)
    for (let turn = 0; turn < 20; turn++) (turn % 2 === 0 ? one : two).learn(at(1), seen(700))
    const start = three.startOf(at(1))
    assert.equal(three.table.slotAt(start), 1)
    assert.equal(start, one.startOf(at(1)))
    one.clear(1)
    assert.equal(three.table.slotAt(three.startOf(at(1))), -1)
  })

  it('knows how long a model that is being loaded still takes', () => {
    const clock = new StillClock()
    const rates = new LearnedRates(new RateTable(16), clock)
    for (let turn = 0; turn < 5; turn++) rates.learn(at(1), sample({ loadMs: 6_000 }))
    assert.equal(Math.round(rates.loadMs(at(1), -1, false)), 6_000)
    rates.loads(at(1))
    clock.advance(4_000)
    rates.loads(at(1))
    assert.equal(Math.round(rates.loadMs(at(1), -1, false)), 2_000)
  })

  it('expects a load to take longer on a busy endpoint, once it has', () => {
    const rates = new LearnedRates(new RateTable(16), new StillClock())
    rates.learn(at(1), sample({ loadMs: 6_000 }))
    assert.equal(rates.loadMs(at(1), -1, true), 6_000)
    rates.learn(at(1), sample({ loadMs: 20_000, busy: 0.5 }))
    assert.equal(rates.loadMs(at(1), -1, true), 20_000)
    assert.equal(rates.loadMs(at(1), -1, false), 6_000)
  })

  it('takes an unknown model to be as fast as the others of its endpoint, not as itself elsewhere', () => {
    const rates = new LearnedRates(new RateTable(16), new StillClock())
    for (let turn = 0; turn < 5; turn++) {
      rates.learn(at(1, 'm'), seen(100))
      rates.learn(at(2, 'other'), seen(9_000))
    }
    assert.equal(rates.table.slotAt(rates.startOf(at(2, 'm'))), 2)
  })
})
