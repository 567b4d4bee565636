import { Socket } from 'node:net'

/** A socket, or another stream that a host passes to a server as a connection. */
export interface OutgoingSide {
  readonly writableLength: number
  write(bytes: Buffer, written?: (error?: Error | null) => void): boolean
}

/** Larger messages get memory of their own. */
export const maxSharedBytes = 16_384
const slabBytes = 65_536
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Memory for messages that are composed and written at once, one after another. The system nearly always takes a
 * message immediately; then the next one is composed in the same place. So messages leave no garbage but a view.
 */
export class OutgoingBytes {
  /** Where the current message is composed. */
  memory = noBytes
  #slab = noBytes
  /** Bytes before this offset are in use by messages that the system has not taken yet. */
  #free = 0

  /**
   * Provides `memory` for a message, which is to be written before the next one begins.
   * @returns the offset of the message in `memory`
   */
  begin(bytes: number): number {
    if (bytes > maxSharedBytes) {
      this.memory = Buffer.allocUnsafeSlow(bytes)
      return 0
    }
    if (this.#free + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes)
      this.#free = 0
    }
    this.memory = this.#slab
    return this.#free
  }

  /**
   * Writes the message.
   * @param written called when the system has taken it
   * @returns false if the other side reads too slowly
   */
  write(side: OutgoingSide, start: number, end: number, written?: (error?: Error | null) => void): boolean {
    const keepsUp = side.write(this.memory.subarray(start, end), written)
    if (this.memory !== this.#slab) return keepsUp
    // A stream that only looks like a socket may hold the bytes although it has taken them.
    if (side.writableLength > 0 || !(side instanceof Socket)) this.#free = end
    return keepsUp
  }
}

/** Of this thread. */
export const outgoingBytes = new OutgoingBytes()
