/** Where a table keeps its cells, and which of its planes is this thread's. */
export interface TablePlace {
  /** Planes of a table that keeps one for each thread that writes. */
  readonly threads: number
  /** This thread's plane. */
  readonly thread: number
  /**
   * The table's memory: the one that another thread has made, or new and all 0.
   * @param fill called once, by the thread that makes it
   * @throws RangeError where the existing one has another size
   */
  allocate(bytes: number, fill?: (buffer: SharedArrayBuffer) => void): SharedArrayBuffer
}

/** Two cache lines: what two threads write so close together, they take from each other with every write. */
const planeBytes = 128

/** How many cells apart the planes of two threads begin, so that no line has cells of both. */
export function planeStride(cells: number, bytesPerCell: number): number {
  const cellsPerPlane = planeBytes / bytesPerCell
  return Math.ceil(cells / cellsPerPlane) * cellsPerPlane
}

/** What one thread sends to another, so that it finds the same memory. */
export type BlocksDescription = ReadonlyMap<string, SharedArrayBuffer>

/**
 * Blocks of shared memory by name. The first thread makes them while it builds its tables; the others build
 * the same tables from its `description` and get the same memory.
 */
export class SharedBlocks {
  readonly threads: number
  readonly thread: number
  readonly #blocks: Map<string, SharedArrayBuffer>

  /**
   * @param threads how many threads write
   * @param thread this one, from 0
   */
  constructor(threads = 1, thread = 0, blocks: BlocksDescription = new Map()) {
    this.threads = threads
    this.thread = thread
    this.#blocks = new Map(blocks)
  }

  /** To be sent to the other threads once all tables are built. */
  get description(): BlocksDescription {
    return this.#blocks
  }

  place(name: string): TablePlace {
    const { threads, thread } = this
    return {
      threads,
      thread,
      allocate: (bytes, fill) => {
        const known = this.#blocks.get(name)
        if (known !== undefined) {
          if (known.byteLength === bytes) return known
          throw new RangeError(`the block ${name} has ${known.byteLength} bytes, not ${bytes}`)
        }
        const made = new SharedArrayBuffer(bytes)
        this.#blocks.set(name, made)
        fill?.(made)
        return made
      },
    }
  }

  integers(name: string, length: number): Int32Array {
    return new Int32Array(this.place(name).allocate(length * Int32Array.BYTES_PER_ELEMENT))
  }

  numbers(name: string, length: number): Float64Array {
    return new Float64Array(this.place(name).allocate(length * Float64Array.BYTES_PER_ELEMENT))
  }
}

/** A place that is not shared: for one thread, and for tests. */
export function ownPlace(): TablePlace {
  return new SharedBlocks().place('')
}
