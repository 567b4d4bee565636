import assert from 'node:assert/strict'
import { it } from 'node:test'
import { RunMark } from '../../../src/kernel/cells/run-mark.ts'
import { SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

it('keeps the start time of the first thread', () => {
  const blocks = new SharedBlocks(2, 0)
  const first = new RunMark(blocks.place('run'))
  const second = new RunMark(new SharedBlocks(2, 1, blocks.description).place('run'))
  assert.equal(second.begin(1_700_000_000_000.4), 1_700_000_000_000)
  assert.equal(first.begin(1_700_000_000_005), 1_700_000_000_000)
  assert.equal(second.begin(1_700_000_000_009), 1_700_000_000_000)
})
