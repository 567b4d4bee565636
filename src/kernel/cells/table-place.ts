import { randomBytes } from 'node:crypto'

/** Describes a block of cells: plain data, so that threads can compare it. */
export interface CellShape {
  readonly kind: string
  readonly rows: number
  /** Column names or bucket bounds. */
  readonly columns?: readonly (string | number)[]
}

/** Initial content of a new block other than zeros: a number of NaN cells, or of random bytes. */
export type BlockStart = { readonly unknownNumbers: number } | { readonly randomBytes: number }

/** Memory of a table, and which of its planes belongs to this thread. */
export interface TablePlace {
  /** Number of planes in a table that keeps one per writing thread. */
  readonly threads: number
  /** This thread's plane. */
  readonly thread: number
  /**
   * Returns the table's memory: the block that another thread has made, or a new one, zeroed.
   * @param start initial content of a new block
   * @throws RangeError if another thread has made the block with a different shape
   */
  allocate(shape: CellShape, bytes: number, start?: BlockStart): SharedArrayBuffer
  /** Returns a place for one part of a table that has several. */
  part(name: string): TablePlace
}

/** Two cache lines: threads that write closer together invalidate each other's cache with every write. */
const planeBytes = 128

/** Distance in cells between the planes of two threads, so that no cache line holds cells of both. */
export function planeStride(cells: number, bytesPerCell: number): number {
  const cellsPerPlane = planeBytes / bytesPerCell
  return Math.ceil(cells / cellsPerPlane) * cellsPerPlane
}

export function newMemory(bytes: number, start?: BlockStart): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(bytes)
  if (start === undefined) return memory
  if ('unknownNumbers' in start) new Float64Array(memory, 0, start.unknownNumbers).fill(Number.NaN)
  else new Uint8Array(memory).set(randomBytes(start.randomBytes))
  return memory
}

/** A place for this thread alone: the default for tables built on their own, as in tests. */
export function ownPlace(): TablePlace {
  return {
    threads: 1,
    thread: 0,
    allocate: (_shape, bytes, start) => newMemory(bytes, start),
    part: ownPlace,
  }
}
