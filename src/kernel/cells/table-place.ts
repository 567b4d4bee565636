import { randomBytes } from 'node:crypto'

/** What a block of cells is for: plain data, so that threads can compare it. */
export interface CellShape {
  readonly kind: string
  readonly rows: number
  /** Names of columns, or bounds of buckets. */
  readonly columns?: readonly (string | number)[]
}

/** What a new block begins with, in place of zeros: so many 64-bit numbers that are not known, or random bytes. */
export type BlockStart = { readonly unknownNumbers: number } | { readonly randomBytes: number }

/** Where a table keeps its cells, and which of its planes is this thread's. */
export interface TablePlace {
  /** Planes of a table that keeps one for each thread that writes. */
  readonly threads: number
  /** This thread's plane. */
  readonly thread: number
  /**
   * The table's memory: the block that another thread has made, or a new one, all 0.
   * @param start what a new block begins with
   * @throws RangeError where another thread has made the block for something else
   */
  allocate(shape: CellShape, bytes: number, start?: BlockStart): SharedArrayBuffer
  /** A place of its own for one part of a table that has several. */
  part(name: string): TablePlace
}

/** Two cache lines: what two threads write so close together, they take from each other with every write. */
const planeBytes = 128

/** How many cells apart the planes of two threads begin, so that no line has cells of both. */
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

/** A place of this thread alone: the default of tables that are built by themselves, as tests do. */
export function ownPlace(): TablePlace {
  return {
    threads: 1,
    thread: 0,
    allocate: (_shape, bytes, start) => newMemory(bytes, start),
    part: ownPlace,
  }
}
