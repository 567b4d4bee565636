import { isDeepStrictEqual } from 'node:util'
import {
  type BlockStart,
  type CellShape,
  newMemory,
  type TablePlace,
} from '../../kernel/cells/table-place.ts'

/** Shared memory and its purpose. */
export interface Block {
  readonly shape: CellShape
  readonly memory: SharedArrayBuffer
}

/** Describes a block that a table needs; plain data. */
export interface WantedBlock {
  readonly name: string
  readonly shape: CellShape
  readonly bytes: number
  readonly start: BlockStart | undefined
}

/** Blocks by name, as one thread sends them to another. */
export type BlocksDescription = ReadonlyMap<string, Block>

/** @returns the block of that name, which all threads share; a new one if there was none */
export type FindBlock = (wanted: WantedBlock) => Block

/** Blocks of shared memory by name. One thread allocates them all; the others request the ones they lack. */
export class SharedBlocks {
  readonly threads: number
  readonly thread: number
  readonly #blocks: Map<string, Block>
  readonly #findBlock: FindBlock

  /**
   * @param threads number of threads that write
   * @param thread this thread, from 0
   * @param blocks the blocks so far
   * @param ask requests a block from the thread that allocates; by default this thread
   */
  constructor(
    threads = 1,
    thread = 0,
    blocks: BlocksDescription = new Map(),
    findBlock: FindBlock = makeBlock,
  ) {
    this.threads = threads
    this.thread = thread
    this.#blocks = new Map(blocks)
    this.#findBlock = findBlock
  }

  /** All blocks so far, for another thread. */
  get description(): BlocksDescription {
    return this.#blocks
  }

  readonly find: FindBlock = (wanted) => {
    const known = this.#blocks.get(wanted.name)
    if (known !== undefined) return known
    const block = this.#findBlock(wanted)
    this.#blocks.set(wanted.name, block)
    return block
  }

  place(name: string): TablePlace {
    const { threads, thread } = this
    return {
      threads,
      thread,
      allocate: (shape, bytes, start) => {
        const block = this.find({ name, shape, bytes, start })
        if (block.memory.byteLength !== bytes || !isDeepStrictEqual(block.shape, shape)) {
          throw new RangeError(
            `the cells ${name} are ${textOf(block.shape)} on one thread, not ${textOf(shape)}`,
          )
        }
        return block.memory
      },
      part: (part) => this.place(`${name}.${part}`),
    }
  }
}

function makeBlock({ shape, bytes, start }: WantedBlock): Block {
  return { shape, memory: newMemory(bytes, start) }
}

function textOf({ kind, rows, columns = [] }: CellShape): string {
  const each = columns.length === 0 ? '' : ` of ${columns.join(', ')}`
  return `${rows} rows of ${kind}${each}`
}
