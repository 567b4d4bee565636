import type { GatewayError } from '../errors.ts'
import type { BufferBudget, BufferHold } from './buffer-budget.ts'

/** What keeps a body until its request is over, and lets go of it early where it can. */
export interface BodyKeeper {
  heldBody: GrowingBody | undefined
}

/** What a body counts for by its announcement alone; more only as its bytes come. */
const firstBytes = 65_536
/** Room that is made at once, as a multiple of what has come. */
const maxGrowth = 16
/** Memory beyond a body's end that is not worth a copy. */
const spareBytes = 65_536
const noBytes: Buffer = Buffer.alloc(0)

/**
 * A body that comes in pieces, in memory that grows with them: what is announced and never sent costs nothing. It is
 * copied at most once on its way, and takes part in the budget.
 */
export class GrowingBody {
  readonly #hold: BufferHold
  /** Its length where that is known, else the most that it may have. */
  readonly #maxBytes: number
  readonly #isAnnounced: boolean
  readonly #onRoom: (error?: GatewayError) => void
  #memory = noBytes
  #bytes = 0
  /** What has come while there was no room. */
  #aside: Buffer[] = []
  /** Of the budget. */
  #countedBytes = 0
  #isTaken = false

  /**
   * @param lengthBytes as announced; undefined where it was not
   * @param limitBytes more never comes
   * @param onRoom called where `push` has returned false, once what it got is in its place or will never be
   */
  constructor(
    budget: BufferBudget,
    lengthBytes: number | undefined,
    limitBytes: number,
    onRoom: (error?: GatewayError) => void,
  ) {
    this.#hold = budget.open()
    this.#isAnnounced = lengthBytes !== undefined
    this.#maxBytes = lengthBytes ?? limitBytes
    this.#onRoom = onRoom
  }

  /** Bytes that are in their place. */
  get bytes(): number {
    return this.#bytes
  }

  /** What the request holds of the budget. */
  get hold(): BufferHold {
    return this.#hold
  }

  /**
   * Copies the next piece to its place.
   * @returns false where there is no room for it now: the piece is kept aside, and no more should come
   */
  push(piece: Buffer): boolean {
    if (this.#aside.length > 0) {
      this.#aside.push(piece)
      return false
    }
    if (!this.#makeRoom(this.#bytes + piece.length)) {
      this.#aside.push(piece)
      return false
    }
    this.#add(piece)
    return true
  }

  /** The whole body; nothing more comes. */
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
   * Frees the body's memory at once; it is neither read nor sent any more. The memory does not lie in the heap, so
   * that a few large bodies would bring on one full collection after the other.
   * @param leastBytes the memory of a shorter body is left alone
   */
  release(leastBytes: number): void {
    const memory = this.#memory
    if (memory.length < leastBytes) return
    this.#memory = noBytes
    this.#bytes = 0
    giveBack(memory)
    this.over()
  }

  /** The request is over: the body counts no more, and the memory of one that is not whole is freed. */
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
      // More may have come in the same turn.
      if (!aside.map((piece) => this.push(piece)).every(Boolean)) return
    }
    this.#onRoom(error)
  }

  #grow(neededBytes: number): void {
    const memory = this.#memory
    if (neededBytes <= memory.length) return
    // Memory is taken from the system as it is written to: more of it than is counted costs addresses only.
    const grown = this.#isAnnounced ? Math.max(firstBytes, maxGrowth * neededBytes) : 2 * neededBytes
    const isNearEnd = this.#isAnnounced && 4 * grown >= this.#maxBytes
    this.#memory = Buffer.allocUnsafeSlow(
      Math.max(neededBytes, isNearEnd ? this.#maxBytes : Math.min(this.#maxBytes, grown)),
    )
    memory.copy(this.#memory, 0, 0, this.#bytes)
    giveBack(memory)
  }

  #add(piece: Buffer): void {
    piece.copy(this.#memory, this.#bytes)
    this.#bytes += piece.length
  }
}

/** @param memory all of it is this body's own */
function giveBack({ buffer }: Buffer): void {
  if (buffer.byteLength > 0 && buffer instanceof ArrayBuffer) buffer.transfer(0)
}
