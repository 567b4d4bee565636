import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NameRows, NumberRows } from '../../../src/kernel/cells/rows.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { runThreads } from '../../support/threads.ts'

function nameRows(threads: number, capacity: number): NameRows[] {
  const blocks = new SharedBlocks(threads)
  const first = new NameRows(capacity, blocks.place('names'))
  const others = Array.from(
    { length: threads - 1 },
    (_, other) =>
      new NameRows(capacity, new SharedBlocks(threads, other + 1, blocks.description).place('names')),
  )
  return [first, ...others]
}

describe('rows by name', () => {
  it('are the same on all threads, in order of first use, until all are taken', () => {
    const step = fc.record({ thread: fc.nat(2), name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'ü', '') })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const tables = nameRows(3, 4)
        const model = new Map<string, number>()
        for (const { thread, name } of steps) {
          if (!model.has(name) && model.size < 4) model.set(name, model.size)
          assert.equal(tables[thread]?.take(name), model.get(name))
        }
        // A name without a text cannot be distinguished from one that is not written yet.
        model.delete('')
        for (const table of tables) assert.deepEqual(table.entries(), [...model])
      }),
    )
  })

  it('are known to a thread that has taken them', () => {
    const [first, second] = nameRows(2, 2)
    assert.equal(first?.take('a'), 0)
    assert.equal(first?.known('a'), 0)
    assert.equal(second?.known('a'), undefined)
  })

  it('get their name from the next thread if the thread that took one has died', () => {
    const blocks = new SharedBlocks(1)
    const first = new NameRows(2, blocks.place('names'))
    first.take('a')
    const texts = blocks.description.get('names.texts')?.memory ?? assert.fail()
    new Uint8Array(texts).fill(0)
    assert.deepEqual(first.entries(), [])
    const second = new NameRows(2, new SharedBlocks(1, 0, blocks.description).place('names'))
    assert.equal(second.take('a'), 0)
    assert.deepEqual(first.entries(), [['a', 0]])
  })

  it('are assigned once if threads take the same names at the same time', async () => {
    const [threads, names] = [2, 2_000]
    const blocks = new SharedBlocks(threads)
    const rows = new NameRows(names, blocks.place('names'))
    const results = await runThreads<number[]>(new URL('./rows-worker.ts', import.meta.url), threads, {
      blocks: blocks.description,
      names,
      gate: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    })
    for (const taken of results) {
      assert.deepEqual(
        taken,
        Array.from({ length: names }, (_, name) => rows.take(`name-${name}`)),
      )
      assert.equal(new Set(taken).size, names)
    }
    assert.equal(rows.entries().length, names)
  })
})

describe('rows by number', () => {
  it('are assigned in order and remembered, including their exhaustion', () => {
    const rows = new NumberRows(2)
    assert.deepEqual(
      [rows.take(7), rows.take(0), rows.take(7), rows.take(9), rows.take(9)],
      [0, 1, 0, undefined, undefined],
    )
    assert.deepEqual(rows.entries(), [
      [7, 0],
      [0, 1],
    ])
  })
})
