import { getRandomValues } from 'node:crypto'
import type { TablePlace } from './shared-blocks.ts'

/** Bytes in front of the cells: the seeds of the hash. */
export const limitHeaderBytes = 8
/** Keys of one set. */
export const limitWays = 8

/** Makes the memory of token buckets that several threads share. @param capacity keys; rounded up to a multiple of 8 */
export function reserveLimits(place: TablePlace, capacity: number): SharedArrayBuffer {
  const cells = Math.ceil(capacity / limitWays) * limitWays
  return place.allocate(limitHeaderBytes + cells * BigInt64Array.BYTES_PER_ELEMENT, (made) => {
    new Int32Array(made, 0, 2).set(getRandomValues(new Int32Array(2)))
  })
}
