import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'

/**
 * Memory that the process may take up: the limit of its control group (`memory.max`, `memory.high`), else what the
 * machine has.
 */
export function availableBytes(
  constrained: number = process.constrainedMemory(),
  total: number = totalmem(),
): number {
  // 0 where there is no limit; some versions of the kernel report one beyond any memory.
  return constrained > 0 ? Math.min(constrained, total) : total
}

/**
 * The part of the available memory that bodies may take up by default. The rest is for the heap, for the sockets'
 * own buffers, which a control group counts as well, and for what a body becomes while it is translated.
 */
const bufferedShare = 0.4

/**
 * `max_buffered_bytes` in bytes, of which 0 is no limit.
 * @param configured `auto` takes a share of the available memory
 */
export function bufferedLimit(configured: number | 'auto', available: number = availableBytes()): number {
  return configured === 'auto' ? Math.floor(available * bufferedShare) : configured
}

/** Milliseconds that a request waits for room. */
const maxPatienceMs = 5_000

/** Half of the time for a request to come at most: a client that waits gets an answer before that is over. */
export function patienceFor(readTimeoutMs: number): number {
  return readTimeoutMs === 0 ? maxPatienceMs : Math.min(maxPatienceMs, readTimeoutMs / 2)
}

/** Heap that a value takes while it is parsed, translated and written; a few of the smallest take more. */
const bytesPerValue = 256

/** Values of one JSON text that the heap of a thread has room for: two bytes of a text can become a hundred of heap. */
export function valuesFor(heapBytes: number = getHeapStatistics().heap_size_limit): number {
  return Math.floor(heapBytes / bytesPerValue)
}
