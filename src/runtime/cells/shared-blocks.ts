import { isDeepStrictEqual } from 'node:util'
import type { CellShape, TablePlace } from '../../kernel/cells/table-place.ts'

/** Shared memory and what it is for. */
export interface Block {
  readonly shape: CellShape
  readonly memory: SharedArrayBuffer
}

/** Blocks by name, as one thread sends them to another. */
export type BlocksDescription = ReadonlyMap<string, Block>

/**
 * Offers a new block to the threads that share the others.
 * @returns the block of that name that all of them use: this one, or the one that another thread has offered before
 */
export type OfferBlock = (name: string, block: Block) => Block

/**
 * Blocks of shared memory by name. A block is made by the first thread that asks for it; `offer` tells the others.
 */
export class SharedBlocks {
  readonly threads: number
  readonly thread: number
  readonly #blocks: Map<string, Block>
  readonly #offer: OfferBlock | undefined

  /**
   * @param threads how many threads write
   * @param thread this one, from 0
   * @param blocks what other threads have made so far
   * @param offer for a thread that is not the one that keeps the blocks
   */
  constructor(threads = 1, thread = 0, blocks: BlocksDescription = new Map(), offer?: OfferBlock) {
    this.threads = threads
    this.thread = thread
    this.#blocks = new Map(blocks)
    this.#offer = offer
  }

  /** All blocks so far, for another thread. */
  get description(): BlocksDescription {
    return this.#blocks
  }

  /** Keeps a block that another thread offers. @returns the block that counts */
  keep(name: string, offered: Block): Block {
    const known = this.#blocks.get(name)
    if (known !== undefined) return known
    this.#blocks.set(name, offered)
    return offered
  }

  place(name: string): TablePlace {
    const { threads, thread } = this
    return {
      threads,
      thread,
      allocate: (shape, bytes, fill) => {
        const block = this.#blocks.get(name) ?? this.#make(name, shape, bytes, fill)
        if (block.memory.byteLength !== bytes || !isDeepStrictEqual(block.shape, shape)) {
          throw new RangeError(
            `the cells ${name} are ${textOf(block)} on one thread, not ${textOf({ shape })}`,
          )
        }
        return block.memory
      },
      part: (part) => this.place(`${name}.${part}`),
    }
  }

  #make(name: string, shape: CellShape, bytes: number, fill?: (memory: SharedArrayBuffer) => void): Block {
    const memory = new SharedArrayBuffer(bytes)
    fill?.(memory)
    const made = { shape, memory }
    return this.keep(name, this.#offer?.(name, made) ?? made)
  }
}

function textOf({ shape: { kind, rows, columns = [] } }: Pick<Block, 'shape'>): string {
  const each = columns.length === 0 ? '' : ` of ${columns.join(', ')}`
  return `${rows} rows of ${kind}${each}`
}
