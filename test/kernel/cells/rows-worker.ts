import { parentPort, workerData } from 'node:worker_threads'
import { NameRows } from '../../../src/kernel/cells/rows.ts'
import { type BlocksDescription, SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

/** Waits for the other threads, then takes the rows of all names, as they do. */
const { blocks, names, gate, thread, threads } = workerData as {
  blocks: BlocksDescription
  names: number
  gate: SharedArrayBuffer
  thread: number
  threads: number
}
const rows = new NameRows(names, new SharedBlocks(threads, thread, blocks).place('names'))
const arrived = new Int32Array(gate)
Atomics.add(arrived, 0, 1)
Atomics.notify(arrived, 0)
for (let count = Atomics.load(arrived, 0); count < threads; count = Atomics.load(arrived, 0)) {
  Atomics.wait(arrived, 0, count)
}
parentPort?.postMessage(Array.from({ length: names }, (_, name) => rows.take(`name-${name}`)))
