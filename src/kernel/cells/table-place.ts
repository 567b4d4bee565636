/** What a block of cells is for: plain data, so that threads can compare it. */
export interface CellShape {
  readonly kind: string
  readonly rows: number
  /** Names of columns, or bounds of buckets. */
  readonly columns?: readonly (string | number)[]
}

/** Where a table keeps its cells, and which of its planes is this thread's. */
export interface TablePlace {
  /** Planes of a table that keeps one for each thread that writes. */
  readonly threads: number
  /** This thread's plane. */
  readonly thread: number
  /**
   * The table's memory: the block that another thread has made, or a new one, all 0.
   * @param fill called for a new block before any other thread sees it
   * @throws RangeError where another thread has made the block for something else
   */
  allocate(shape: CellShape, bytes: number, fill?: (memory: SharedArrayBuffer) => void): SharedArrayBuffer
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

/** A place of this thread alone: the default of tables that are built by themselves, as tests do. */
export function ownPlace(): TablePlace {
  return {
    threads: 1,
    thread: 0,
    allocate(_shape, bytes, fill) {
      const memory = new SharedArrayBuffer(bytes)
      fill?.(memory)
      return memory
    },
    part: ownPlace,
  }
}
