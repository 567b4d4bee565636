import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RecordTable } from '../../../src/kernel/cells/record-table.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'
import { runThreads, threadPlaces } from '../../support/threads.ts'

describe('a record table', () => {
  it('shows the last write to all threads, and nothing before the first', () => {
    const [first, second] = threadPlaces(2, (place) => new RecordTable(['a', 'b'], 3, place))
    const column = first.column('b')
    assert.ok(Number.isNaN(second.number(1, column)))
    assert.equal(second.text(1), '')
    first.setNumber(1, column, 0)
    first.setText(1, 'because')
    assert.deepEqual([second.number(1, column), second.text(1)], [0, 'because'])
    assert.deepEqual([second.text(0), second.text(2)], ['', ''])
    assert.ok(Number.isNaN(second.number(1, second.column('a'))))
  })

  it('keeps texts of up to 248 bytes, and truncates longer ones', () => {
    const table = new RecordTable([], 2)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        table.setText(0, 'before')
        table.setText(0, text)
        const whole = Buffer.byteLength(text) <= 248
        if (whole) assert.equal(table.text(0), text)
        else assert.ok(text.startsWith(table.text(0)) && Buffer.byteLength(table.text(0)) > 240)
        assert.equal(table.text(1), '')
      }),
    )
  })

  it('never returns a mixture of two texts', async () => {
    const blocks = new SharedBlocks(2)
    new RecordTable([], 1, blocks.place('records'))
    const results = await runThreads<{ mixed: number; seen: number }>(
      new URL('./record-worker.ts', import.meta.url),
      2,
      { blocks: blocks.description, rounds: 50_000 },
    )
    for (const { mixed, seen } of results) {
      assert.equal(mixed, 0)
      assert.ok(seen > 0)
    }
  })

  it('recovers from a thread that died while writing', () => {
    const blocks = new SharedBlocks(1)
    const table = new RecordTable([], 1, blocks.place('records'))
    const version = new Int32Array(blocks.description.get('records')?.memory ?? assert.fail())
    version[0] = 7
    assert.equal(table.text(0), '')
    table.setText(0, 'alive')
    assert.equal(table.text(0), 'alive')
  })
})
