import { parentPort, workerData } from 'node:worker_threads'
import { AmountCells } from '../../../src/callers/limits/amount-cells.ts'
import { type BlocksDescription, SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

/** Reserves from two windows and settles, in a tight loop that moves through the buckets, and reports what it got. */
const { blocks, thread, threads, rounds, limit, clock } = workerData as {
  blocks: BlocksDescription
  thread: number
  threads: number
  rounds: number
  limit: number
  /** Rounds of all threads so far, which is the time: threads that drift apart would live in different windows. */
  clock: Int32Array
}
const amounts = new AmountCells(4, new SharedBlocks(threads, thread, blocks).place('amounts'))
const endless = amounts.exclusively(() => amounts.take('endless', () => false)) ?? -1
const rolling = amounts.exclusively(() => amounts.take('rolling', () => false)) ?? -1
let kept = 0
let most = 0
for (let round = 0; round < rounds; round++) {
  const bucket = 100 + Math.floor((Atomics.add(clock, 0, 1) * 40) / (rounds * threads))
  if (amounts.add(rolling, bucket, 12, 3, limit)) {
    most = Math.max(most, amounts.total)
    amounts.change(rolling, amounts.bucket, 12, -2)
  }
  // Ten are reserved, one of a thousand keeps seven.
  if (amounts.add(endless, 0, 0, 10, Number.MAX_SAFE_INTEGER)) {
    const used = round % 1_000 === 0 ? 7 : 0
    amounts.change(endless, 0, 0, used - 10)
    kept += used
  }
}
parentPort?.postMessage({ endless, rolling, kept, most })
