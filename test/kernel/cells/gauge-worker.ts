import { parentPort, workerData } from 'node:worker_threads'
import { Gauge } from '../../../src/kernel/cells/gauge.ts'
import { type BlocksDescription, SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

/** Acquires and releases units of row 0 in a tight loop, keeps some of row 1, and reports what it saw. */
const { blocks, thread, threads, limit, rounds, keep } = workerData as {
  blocks: BlocksDescription
  thread: number
  threads: number
  limit: number
  rounds: number
  keep: number
}
const gauge = new Gauge(2, new SharedBlocks(threads, thread, blocks).place('gauge'))
let most = 0
let acquired = 0
while (acquired < rounds) {
  if (!gauge.acquire(0, limit)) continue
  acquired++
  most = Math.max(most, gauge.value(0))
  gauge.release(0)
}
let kept = 0
while (kept < keep) if (gauge.acquire(1)) kept++
parentPort?.postMessage({ most, acquired })
