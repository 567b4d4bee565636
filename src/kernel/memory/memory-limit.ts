import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'

/**
 * Memory available to the process: the limit of its control group (`memory.max`, `memory.high`), else the memory of
 * the machine.
 */
export function availableBytes(
  constrained: number = process.constrainedMemory(),
  total: number = totalmem(),
): number {
  // 0 means no limit; some kernel versions report a limit larger than any memory.
  return constrained > 0 ? Math.min(constrained, total) : total
}

/**
 * Default share of the available memory for bodies. The rest is for the heap, for socket buffers, which a control
 * group also counts, and for bodies while they are translated.
 */
const bufferedShare = 0.4

/**
 * `max_buffered_bytes` in bytes; 0 means no limit.
 * @param configured `auto` takes a share of the available memory
 */
export function bufferedLimit(configured: number | 'auto', available: number = availableBytes()): number {
  return configured === 'auto' ? Math.floor(available * bufferedShare) : configured
}

/** Maximum time that a request waits for room; milliseconds. */
const maxPatienceMs = 5_000

/** At most half of the read timeout, so that a waiting client gets an answer before that expires. */
export function patienceFor(readTimeoutMs: number): number {
  return readTimeoutMs === 0 ? maxPatienceMs : Math.min(maxPatienceMs, readTimeoutMs / 2)
}

/** Heap per value while it is parsed, translated and serialized; the smallest values may take more. */
const bytesPerValue = 256

/** Maximum values of one JSON text that fit a thread's heap: two bytes of text can become a hundred bytes of heap. */
export function valuesFor(heapBytes: number = getHeapStatistics().heap_size_limit): number {
  return Math.floor(heapBytes / bytesPerValue)
}
