import { parentPort, workerData } from 'node:worker_threads'
import { SharedCache } from '../../../src/kernel/cells/shared-cache.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { type BlocksDescription, SharedBlocks } from '../../../src/runtime/cells/shared-blocks.ts'

/** Sets, gets and deletes keys whose value is their number, and counts values of other keys. */
const { blocks, capacity, keys, rounds, thread, threads } = workerData as {
  blocks: BlocksDescription
  capacity: number
  keys: number
  rounds: number
  thread: number
  threads: number
}
const place = new SharedBlocks(threads, thread, blocks).place('cache')
const cache = new SharedCache({ capacity, ttlMs: 0, clock: systemClock }, place)
let wrong = 0
let hits = 0
let random = 12345 + thread
for (let round = 0; round < rounds; round++) {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
  const number = (random >>> 8) % keys
  const key = `key-${number}`
  if (random % 16 === 0) cache.delete(key)
  else if (random % 4 === 0) cache.set(key, number)
  else {
    const value = cache.get(key)
    if (value !== undefined) hits++
    if (value !== undefined && value !== number) wrong++
  }
}
parentPort?.postMessage({ wrong, hits })
