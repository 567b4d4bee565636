import type { GatewayError } from '../errors.ts'
import type { BufferBudget, BufferHold } from './buffer-budget.ts'
import { giveBack } from './give-back.ts'

/** Keeps a body until its request ends and releases it earlier if it can. */
export interface BodyKeeper {
  heldBody: GrowingBody | undefined
  /** Requests of a lower rank are refused first when memory runs out. */
  readonly memoryRank?: number
}

/** Charged when the body is announced; more is charged as bytes arrive. */
const firstBytes = 65_536
/** Allocation at most this multiple of what has arrived. */
const maxGrowth = 16
/** Unused memory after the body that is not worth a copy. */
const spareBytes = 65_536
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Collects a body in memory that grows as chunks arrive, so an announced body that never arrives costs nothing. Bytes are
 * copied at most once and charged to the budget.
 */
export class GrowingBody {
  readonly #hold: BufferHold
  /** The announced length if known, else the limit. */
  readonly #maxBytes: number
  readonly #isAnnounced: boolean
  readonly #onRoom: (error?: GatewayError) => void
  #memory = noBytes
  #bytes = 0
  /** Pieces that arrived while the budget had no room. */
  #aside: Buffer[] = []
  /** Bytes charged to the budget. */
  #countedBytes = 0
  #isTaken = false

  /**
   * @param lengthBytes as announced; undefined if it was not
   * @param limitBytes maximum; the reader never passes more
   * @param onRoom called after `push` returned false, once the piece is stored or refused
   * @param rank of the request, see `BodyKeeper`
   */
  constructor(
    budget: BufferBudget,
    lengthBytes: number | undefined,
    limitBytes: number,
    onRoom: (error?: GatewayError) => void,
    rank?: number,
  ) {
    this.#hold = budget.open(rank)
    this.#isAnnounced = lengthBytes !== undefined
    this.#maxBytes = lengthBytes ?? limitBytes
    this.#onRoom = onRoom
  }

  /** Bytes stored so far. */
  get bytes(): number {
    return this.#bytes
  }

  /** The request's share of the budget. */
  get hold(): BufferHold {
    return this.#hold
  }

  /**
   * Stores the next piece.
   * @returns false if the budget has no room now: the piece is kept aside, and the caller stops reading
   */
  push(chunk: Buffer): boolean {
    if (this.#aside.length > 0) {
      this.#aside.push(chunk)
      return false
    }
    if (!this.#makeRoom(this.#bytes + chunk.length)) {
      this.#aside.push(chunk)
      return false
    }
    this.#add(chunk)
    return true
  }

  /** Returns the complete body. */
  take(): Buffer {
    this.#isTaken = true
    const memory = this.#memory
    const bytes = this.#bytes
    if (memory.length - bytes <= spareBytes) return memory.subarray(0, bytes)
    this.#memory = Buffer.allocUnsafeSlow(bytes)
    memory.copy(this.#memory, 0, 0, bytes)
    giveBack(memory)
    this.#hold.shrink(bytes)
    return this.#memory
  }

  /**
   * Frees the body's memory at once; the body must not be read or sent after this. The memory is outside the heap, and
   * a few large bodies would otherwise trigger one full collection after another.
   */
  release(): void {
    const memory = this.#memory
    this.#memory = noBytes
    this.#bytes = 0
    giveBack(memory)
    this.over()
  }

  /** Ends the request: releases its share of the budget and frees an incomplete body. */
  over(): void {
    this.#aside = []
    if (!this.#isTaken) giveBack(this.#memory)
    this.#hold.release()
  }

  #makeRoom(neededBytes: number): boolean {
    if (neededBytes > this.#countedBytes) {
      const counted = Math.max(neededBytes, Math.min(this.#maxBytes, Math.max(firstBytes, 2 * neededBytes)))
      const more = counted - this.#countedBytes
      this.#countedBytes = counted
      if (!this.#hold.take(more, this.#granted)) return false
    }
    this.#grow(neededBytes)
    return true
  }

  readonly #granted = (error?: GatewayError): void => {
    if (error === undefined) {
      const aside = this.#aside
      this.#aside = []
      // More chunks may have arrived in the same turn.
      if (!aside.map((chunk) => this.push(chunk)).every(Boolean)) return
    }
    this.#onRoom(error)
  }

  #grow(neededBytes: number): void {
    const memory = this.#memory
    if (neededBytes <= memory.length) return
    // The system commits memory when it is written: allocating more than is charged only costs address space.
    const grown = this.#isAnnounced ? Math.max(firstBytes, maxGrowth * neededBytes) : 2 * neededBytes
    const isNearEnd = this.#isAnnounced && 4 * grown >= this.#maxBytes
    this.#memory = Buffer.allocUnsafeSlow(
      Math.max(neededBytes, isNearEnd ? this.#maxBytes : Math.min(this.#maxBytes, grown)),
    )
    memory.copy(this.#memory, 0, 0, this.#bytes)
    giveBack(memory)
  }

  #add(chunk: Buffer): void {
    chunk.copy(this.#memory, this.#bytes)
    this.#bytes += chunk.length
  }
}
