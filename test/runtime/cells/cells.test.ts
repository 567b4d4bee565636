import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GatewayCells } from '../../../src/runtime/cells/cells.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

const capacity = { endpoints: 4, models: 3, placements: 5 }

describe('the cells of a gateway', () => {
  it('are all found again by another thread', () => {
    const first = new GatewayCells(capacity, new SharedBlocks(2, 0))
    const blocks = new SharedBlocks(2, 1, first.blocks)
    const before = [...first.blocks]
    const second = new GatewayCells(capacity, blocks)
    assert.deepEqual([...second.blocks.keys()], [...first.blocks.keys()])
    for (const [name, buffer] of before) assert.equal(second.blocks.get(name), buffer, name)
    // Whatever lies in no named block would be this thread's alone.
    assert.ok(memoryOf(second).size > 0)
    for (const buffer of memoryOf(second)) assert.ok([...first.blocks.values()].includes(buffer))
  })

  it('refuse another thread that wants other sizes', () => {
    const first = new GatewayCells(capacity, new SharedBlocks(2, 0))
    assert.throws(
      () => new GatewayCells({ ...capacity, endpoints: 5 }, new SharedBlocks(2, 1, first.blocks)),
      RangeError,
    )
  })

  it('add up over threads', () => {
    const first = new GatewayCells(capacity, new SharedBlocks(2, 0))
    const second = new GatewayCells(capacity, new SharedBlocks(2, 1, first.blocks))
    const requests = first.totals.column('requests')
    first.totals.add(0, requests, 1)
    second.totals.add(0, requests, 2)
    assert.equal(first.totals.sum(0, requests), 3)
    second.modelHistograms.duration.record(1, 5)
    assert.equal(first.modelHistograms.duration.read(1).count, 1)
  })
})

/** Every buffer that can be reached without going through the private parts of a table. */
function memoryOf(value: unknown, found = new Set<SharedArrayBuffer>()): Set<SharedArrayBuffer> {
  if (typeof value !== 'object' || value === null) return found
  for (const part of Object.values(value)) {
    if (ArrayBuffer.isView(part) && part.buffer instanceof SharedArrayBuffer) found.add(part.buffer)
    else memoryOf(part, found)
  }
  return found
}
