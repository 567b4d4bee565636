import { parentPort, workerData } from 'node:worker_threads'
import { RecordTable } from '../../../src/kernel/cells/record-table.ts'
import { type BlocksDescription, SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

/** Writes texts of one letter each, of many lengths, and reads whatever is there. */
const { blocks, rounds, thread, threads } = workerData as {
  blocks: BlocksDescription
  rounds: number
  thread: number
  threads: number
}
const table = new RecordTable([], 1, new SharedBlocks(threads, thread, blocks).place('records'))
const letter = String.fromCharCode('a'.charCodeAt(0) + thread)
let mixed = 0
let seen = 0
for (let round = 0; round < rounds; round++) {
  if (round % 4 === 0) table.setText(0, letter.repeat(1 + (round % 240)))
  const text = table.text(0)
  if (text === '') continue
  seen++
  if (text !== (text[0] ?? '').repeat(text.length)) mixed++
}
parentPort?.postMessage({ mixed, seen })
