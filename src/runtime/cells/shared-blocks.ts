import { isDeepStrictEqual } from 'node:util'
import {
  type BlockStart,
  type CellShape,
  newMemory,
  type TablePlace,
} from '../../kernel/cells/table-place.ts'

/** Shared memory and what it is for. */
export interface Block {
  readonly shape: CellShape
  readonly memory: SharedArrayBuffer
}

/** A block that a table needs; plain data. */
export interface WantedBlock {
  readonly name: string
  readonly shape: CellShape
  readonly bytes: number
  readonly start: BlockStart | undefined
}

/** Blocks by name, as one thread sends them to another. */
export type BlocksDescription = ReadonlyMap<string, Block>

/** @returns the block of that name, which all threads use; a new one where there was none */
export type FindBlock = (wanted: WantedBlock) => Block

/** Blocks of shared memory by name. One thread makes them all; the others ask it for those that they lack. */
export class SharedBlocks {
  readonly threads: number
  readonly thread: number
  readonly #blocks: Map<string, Block>
  readonly #ask: FindBlock

  /**
   * @param threads how many threads write
   * @param thread this one, from 0
   * @param blocks what there is so far
   * @param ask the thread that makes the blocks; by default it is this one
   */
  constructor(threads = 1, thread = 0, blocks: BlocksDescription = new Map(), ask: FindBlock = makeBlock) {
    this.threads = threads
    this.thread = thread
    this.#blocks = new Map(blocks)
    this.#ask = ask
  }

  /** All blocks so far, for another thread. */
  get description(): BlocksDescription {
    return this.#blocks
  }

  readonly find: FindBlock = (wanted) => {
    const known = this.#blocks.get(wanted.name)
    if (known !== undefined) return known
    const block = this.#ask(wanted)
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
