import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreaker } from '../../../src/endpoints/resilience/circuit-breaker.ts'
import { ModelStates, ofEndpoint, untracked } from '../../../src/endpoints/resilience/model-states.ts'
import { ModelTable } from '../../../src/endpoints/resilience/model-table.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { FakeClock } from '../../support/fake-clock.ts'

describe('ModelTable', () => {
  it('gives each model on each endpoint its own row, and finds it again', () => {
    const table = new ModelTable(4, 4)
    assert.equal(table.find(0, 'a'), -1)
    const rows = [table.take(0, 'a', 1), table.take(0, 'b', 1), table.take(1, 'a', 1)]
    assert.equal(new Set(rows).size, 3)
    assert.deepEqual([table.find(0, 'a'), table.find(0, 'b'), table.find(1, 'a')], rows)
    assert.equal(table.take(0, 'a', 7), rows[0])
    assert.deepEqual([table.find(1, 'b'), table.find(2, 'a')], [-1, -1])
    assert.deepEqual(
      table.rows(0).map((row) => [table.model(row), table.slot(row), table.usedAtMs(row)]),
      [
        ['a', 0, 7],
        ['b', 0, 1],
      ],
    )
  })

  it('has the same rows on every thread, also after a failed lookup', () => {
    const blocks = new SharedBlocks(2, 0)
    const one = new ModelTable(4, 2, blocks.place('models'))
    const two = new ModelTable(4, 2, new SharedBlocks(2, 1, blocks.description).place('models'))
    one.take(0, 'a', 1)
    assert.equal(two.find(0, 'b'), -1)
    const row = one.take(0, 'b', 1)
    assert.equal(two.find(0, 'b'), row)
    two.free(row)
    assert.equal(one.find(0, 'b'), -1)
    assert.equal(two.take(0, 'c', 1), row)
  })

  it('clears a row when it is released', () => {
    const table = new ModelTable(1, 1)
    const row = table.take(0, 'a', 1)
    table.pausedUntilMs[row] = 5
    table.penalties[row] = 5
    table.breakers.increment(row, 1)
    table.free(row)
    assert.equal(table.take(0, 'b', 1), row)
    assert.deepEqual([table.pausedUntilMs[row], table.penalties[row], table.breakers.load(row, 1)], [0, 0, 0])
  })
})

describe('ModelStates', () => {
  const at = (slot: number, nativeModel?: string) => ({ endpoint: { slot }, nativeModel })

  it('keeps no separate state for a request without a model, nor for an only model', () => {
    const states = new ModelStates(new ModelTable(2, 2), new FakeClock())
    assert.equal(states.take(at(0)), ofEndpoint)
    states.countModels = (slot) => (slot === 0 ? 1 : 2)
    assert.equal(states.take(at(0, 'a')), ofEndpoint)
    assert.ok(states.take(at(1, 'a')) >= 0)
  })

  it('releases rows that were idle for a minute, but no open circuit and no pause', async () => {
    const clock = new FakeClock()
    const table = new ModelTable(3, 1)
    const states = new ModelStates(table, clock)
    const [open, paused, quiet] = ['open', 'paused', 'quiet'].map((model) => states.take(at(0, model)))
    assert.ok(open !== undefined && paused !== undefined)
    new CircuitBreaker(table.breakers, open, endpoint({}).breaker, clock).trip('test')
    table.pausedUntilMs[paused] = clock.monotonicMs() + 100_000
    assert.equal(states.take(at(0, 'new')), untracked)
    await clock.advance(60_001)
    assert.equal(states.take(at(0, 'new')), quiet)
    assert.equal(states.take(at(0, 'newer')), untracked)
    assert.equal(states.find(at(0, 'open')), open)
    assert.equal(states.find(at(0, 'quiet')), -1)
  })
})
