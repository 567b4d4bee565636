import { Gauge } from '../../kernel/cells/gauge.ts'
import { perThreadKind } from '../../kernel/cells/kinds.ts'
import {
  buildTables,
  type Capacities,
  type CellKinds,
  type CellLayout,
  type Tables,
} from '../../kernel/cells/layout.ts'
import { RowLocks } from '../../kernel/cells/row-locks.ts'
import { ThreadRows } from '../../kernel/cells/thread-rows.ts'
import { type BlocksDescription, type FindBlock, SharedBlocks } from './shared-blocks.ts'

const defaultCapacities: Capacities = { endpoints: 256, models: 512 }

/**
 * The cells of one gateway, on this thread. The first thread to request a layout allocates its memory; every other
 * thread that requests it gets the same memory.
 */
export class SharedState {
  readonly capacities: Capacities
  readonly #blocks: SharedBlocks

  /** @param blocks memory for the tables; this thread's own by default */
  constructor(capacities: Partial<Capacities> = {}, blocks: SharedBlocks = new SharedBlocks()) {
    this.capacities = { ...defaultCapacities, ...capacities }
    this.#blocks = blocks
  }

  /** Number of threads that write. */
  get threads(): number {
    return this.#blocks.threads
  }

  /** This thread's number. */
  get thread(): number {
    return this.#blocks.thread
  }

  /** All memory so far, for another thread's `SharedBlocks`. */
  get blocks(): BlocksDescription {
    return this.#blocks.description
  }

  /** Finds blocks for the threads that lack them. */
  get findBlock(): FindBlock {
    return this.#blocks.find
  }

  /**
   * Returns the tables of a layout. Call it at startup and keep the result.
   * @throws RangeError if another thread, or another layout of that name, has allocated something else
   */
  of<Kinds extends CellKinds>({ name, kinds }: CellLayout<Kinds>): Tables<Kinds> {
    return buildTables(kinds(this.capacities), this.#blocks.place(name))
  }

  /** Releases what an ended thread held, in all tables of all layouts. Counters stay: they are history. */
  reclaim(thread: number): void {
    for (const [name, { shape, memory }] of this.#blocks.description) {
      if (shape.kind === RowLocks.kind) new RowLocks(shape.rows, this.#blocks.place(name)).reclaim(thread)
      else if (shape.kind === Gauge.kind) new Gauge(shape.rows, this.#blocks.place(name)).reclaim(thread)
      else if (shape.kind === ThreadRows.kind)
        new ThreadRows(shape.rows, this.#blocks.place(name)).reclaim(thread)
      else if (shape.kind === perThreadKind) new Float64Array(memory)[thread] = 0
    }
  }
}
