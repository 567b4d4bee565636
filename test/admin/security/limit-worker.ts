import { parentPort, workerData } from 'node:worker_threads'
import type { RateLimit } from '../../../src/admin/security/limit-store.ts'
import { SharedLimitStore } from '../../../src/admin/security/shared-limit-store.ts'
import { type BlocksDescription, SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

/** Takes tokens from one bucket and reports how many it got. */
const { blocks, limit, takes, thread, threads } = workerData as {
  blocks: BlocksDescription
  limit: RateLimit
  takes: number
  thread: number
  threads: number
}
const store = new SharedLimitStore(64, new SharedBlocks(threads, thread, blocks).place('limits'))
let allowed = 0
for (let take = 0; take < takes; take++) if (store.take('client', limit, 0).allowed) allowed++
parentPort?.postMessage(allowed)
