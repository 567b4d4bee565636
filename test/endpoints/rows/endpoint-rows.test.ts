import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EndpointRows, NoRowError } from '../../../src/endpoints/rows/endpoint-rows.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function create(names: readonly string[], capacity: number) {
  const clock = new FakeClock()
  const cleared: number[] = []
  const rows = new EndpointRows(names, { capacity, clock, clear: (row) => cleared.push(row) })
  /** The next set of endpoints, without others in flight. */
  const change = (next: readonly string[]) => {
    const assigned = rows.assign(next)
    rows.settle(assigned)
    return assigned
  }
  return { clock, cleared, rows, change }
}

describe('rows of endpoints', () => {
  it('are kept by name, in any order', () => {
    const { change, cleared } = create(['a', 'b'], 4)
    assert.deepEqual(change(['b', 'c', 'a']), [1, 2, 0])
    assert.deepEqual(cleared, [2])
  })

  it('return to an endpoint that comes back, while other rows are free', () => {
    const { change, cleared } = create(['a', 'b'], 4)
    change(['a'])
    change(['a', 'c'])
    assert.deepEqual(change(['a', 'b', 'c']), [0, 1, 2])
    assert.deepEqual(cleared, [2])
  })

  it('are cleared for an endpoint that comes back after an hour', async () => {
    const { change, cleared, clock } = create(['a', 'b'], 4)
    change(['a'])
    await clock.advance(3_600_001)
    assert.deepEqual(change(['a', 'b']), [0, 1])
    assert.deepEqual(cleared, [1])
  })

  it('go to other endpoints if they are scarce, the one left longest ago first', async () => {
    const { change, clock } = create(['a', 'b', 'c'], 3)
    change(['a', 'b'])
    await clock.advance(1)
    change(['a'])
    await clock.advance(1)
    assert.deepEqual(change(['a', 'd']), [0, 2])
  })

  it('are refused beyond the capacity, and nothing changes', () => {
    const { rows, change } = create(['a', 'b'], 2)
    assert.throws(() => rows.assign(['a', 'b', 'c']), NoRowError)
    assert.deepEqual(change(['a', 'b']), [0, 1])
  })

  it('stay with a removed endpoint until it is settled', () => {
    const { rows } = create(['a', 'b'], 2)
    rows.assign(['a'])
    assert.throws(() => rows.assign(['a', 'c']), NoRowError)
  })
})
