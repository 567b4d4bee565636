import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  counters,
  gauge,
  group,
  histogram,
  numberPerThread,
  records,
} from '../../../src/kernel/cells/kinds.ts'
import { cellLayout } from '../../../src/kernel/cells/layout.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { threadStates } from '../../support/threads.ts'

const doorCells = cellLayout('doors', ({ endpoints }) => ({
  opened: counters(['pushed', 'pulled'], endpoints),
  times: group({ open: histogram([1, 10]), shut: histogram([1, 10]) }),
  last: records(['atMs'], endpoints),
}))

const roomCells = cellLayout('room', () => ({ inside: gauge(2), sinceMs: numberPerThread() }))

function two(): [SharedState, SharedState] {
  const [first, second] = threadStates(2, { endpoints: 3 })
  assert.ok(first !== undefined && second !== undefined)
  return [first, second]
}

describe('the state that threads share', () => {
  it('has the tables of a layout on every thread, in any order', () => {
    for (const [first, second] of [two(), two().reverse() as [SharedState, SharedState]]) {
      const here = first.of(doorCells)
      const there = second.of(doorCells)
      const pushed = here.opened.column('pushed')
      here.opened.add(2, pushed, 1)
      there.opened.add(2, pushed, 2)
      assert.deepEqual([here.opened.sum(2, pushed), there.opened.sum(2, pushed)], [3, 3])
      there.times.shut.record(0, 5)
      assert.deepEqual([here.times.shut.read(0).count, here.times.open.read(0).count], [1, 0])
      assert.ok(Number.isNaN(there.last.number(1, there.last.column('atMs'))))
      here.last.setText(1, 'shut')
      assert.equal(there.last.text(1), 'shut')
    }
  })

  it('sizes rows by the capacities, and returns one memory for repeated requests', () => {
    const state = new SharedState({ endpoints: 5 })
    const first = state.of(doorCells)
    assert.equal(first.opened.rows, 5)
    first.opened.add(4, 0, 1)
    assert.equal(state.of(doorCells).opened.sum(4, 0), 1)
  })

  it('allocates a layout when a plugin requests it', () => {
    const state = new SharedState()
    assert.equal(state.blocks.size, 0)
    state.of(roomCells)
    assert.deepEqual([...state.blocks.keys()], ['room.inside', 'room.sinceMs'])
  })

  it('refuses a layout that differs on another thread', () => {
    const columns = cellLayout('doors', () => ({ opened: counters(['pushed', 'kicked'], 3) }))
    const rows = cellLayout('doors', () => ({ opened: counters(['pushed', 'pulled'], 4) }))
    const kind = cellLayout('doors', () => ({ opened: gauge(3) }))
    for (const ask of [
      (state: SharedState) => state.of(columns),
      (state: SharedState) => state.of(rows),
      (state: SharedState) => state.of(kind),
    ]) {
      const [first, second] = two()
      first.of(doorCells)
      assert.throws(() => ask(second), /the cells doors\.opened are 3 rows of counters of pushed, pulled/)
    }
  })

  it("releases an ended thread's cells of every layout, and keeps counters", () => {
    const [first, second] = two()
    const doors = second.of(doorCells)
    const room = second.of(roomCells)
    doors.opened.add(0, 0, 7)
    room.inside.acquire(0)
    room.inside.acquire(1, 0, 2)
    room.sinceMs[1] = 12
    const seen = first.of(roomCells)
    seen.inside.acquire(1)
    seen.sinceMs[0] = 34
    assert.deepEqual([seen.inside.heldBy(0), seen.inside.heldBy(1)], [1, 3])
    first.reclaim(1)
    assert.deepEqual([seen.inside.value(0), seen.inside.value(1), seen.inside.heldBy(1)], [0, 1, 0])
    assert.deepEqual([...seen.sinceMs], [34, 0])
    assert.equal(first.of(doorCells).opened.sum(0, 0), 7)
  })

  it('releases layouts that the control thread never requested', () => {
    const [first, second] = two()
    const { inside } = second.of(roomCells)
    inside.acquire(0)
    first.reclaim(1)
    assert.equal(inside.value(0), 0)
  })

  it('is found from a description by a thread that starts later', () => {
    const first = new SharedState({ endpoints: 3 }, new SharedBlocks(2, 0))
    first.of(roomCells).inside.acquire(0)
    const later = new SharedState({ endpoints: 3 }, new SharedBlocks(2, 1, first.blocks, () => assert.fail()))
    assert.equal(later.of(roomCells).inside.value(0), 1)
  })
})
