import { OutgoingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { chunkOf } from '../../http/body/chunk.ts'
import { type CapableResponse, kWriteParts, type PartsWriter } from '../../http/contract/capabilities.ts'

/** Maximum bytes of a body that is written as a string. */
const textBytes = 8_192

/**
 * Writes to a client in as few writes as HTTP allows: Node's response writes a chunk of the chunked coding in four
 * parts and joins a head to a string but not to bytes, and each write costs about a microsecond.
 */
export class ClientWriter {
  readonly #raw: ServerResponse
  /** The server's own writer, if it offers one. */
  readonly #parts: PartsWriter | undefined
  #isHeadDue = false

  constructor(raw: CapableResponse) {
    this.#raw = raw
    this.#parts = raw[kWriteParts]
  }

  /** Whether written bytes are waiting for a slow client. */
  get needsDrain(): boolean {
    const { socket } = this.#raw
    return socket === null ? this.#raw.writableNeedDrain : socket.writableNeedDrain
  }

  /** @param headers flat name/value pairs; sent with the first bytes */
  begin(statusCode: number, headers: string[]): void {
    if (this.#parts !== undefined) {
      this.#parts.begin(statusCode, headers)
      return
    }
    this.#raw.writeHead(statusCode, headers)
    this.#isHeadDue = true
  }

  /** Sends the head of a chunked answer alone. */
  flushHead(): void {
    if (this.#parts !== undefined) {
      this.#parts.send([], 0)
      return
    }
    this.#isHeadDue = false
    this.#raw.flushHeaders()
  }

  /** @returns false if the client is too slow */
  write(parts: readonly Buffer[], bytes: number): boolean {
    if (this.#parts !== undefined) return this.#parts.send(parts, bytes)
    const socket = this.#chunkedSocket()
    if (socket === undefined) this.#writePlain(joined(parts, bytes))
    else this.#writeChunk(socket, chunkOf(parts, bytes, false))
    return !this.needsDrain
  }

  /** Writes the last bytes of an incomplete answer, then closes the connection. */
  abortWith(text: string): void {
    const raw = this.#raw
    const cut = () => raw.destroy()
    const bytes = Buffer.from(text)
    if (this.#parts !== undefined) this.#parts.breakOff(bytes, cut)
    else raw.write(bytes, cut)
  }

  /** Writes the last bytes, if any, and the end. */
  end(parts: readonly Buffer[], bytes: number): void {
    const raw = this.#raw
    if (this.#parts !== undefined) {
      this.#parts.finish(parts, bytes)
      return
    }
    if (bytes === 0) {
      raw.end()
      return
    }
    const socket = this.#chunkedSocket()
    if (socket === undefined) {
      this.#endPlain(joined(parts, bytes))
      return
    }
    socket.cork()
    this.#writeChunk(socket, chunkOf(parts, bytes, false))
    raw.end()
    socket.uncork()
  }

  /**
   * The socket for chunks that this class encodes itself. Undefined while the response waits for an earlier one on the
   * same connection, and if other code replaced `write` (compressing middleware, `inject`).
   */
  #chunkedSocket(): Socket | undefined {
    const raw = this.#raw
    if (!raw.chunkedEncoding || isReplaced(raw)) return undefined
    return raw.socket ?? undefined
  }

  #writeChunk(socket: Socket, bytes: Buffer): void {
    if (!this.#isHeadDue) {
      socket.write(bytes)
      return
    }
    this.#isHeadDue = false
    socket.cork()
    this.#raw.flushHeaders()
    socket.write(bytes)
    socket.uncork()
  }

  #writePlain(bytes: Buffer): void {
    const { socket } = this.#raw
    this.#isHeadDue = false
    // Otherwise the response would cork the socket itself, until a later tick.
    socket?.cork()
    this.#raw.write(bytes)
    socket?.uncork()
  }

  #endPlain(bytes: Buffer): void {
    if (this.#isHeadDue && bytes.length <= textBytes) this.#raw.end(bytes.toString('latin1'), 'latin1')
    else this.#raw.end(bytes)
  }
}

/** Whether other code replaced `write` (compressing middleware, `inject`). */
function isReplaced(raw: ServerResponse): boolean {
  return raw.write !== OutgoingMessage.prototype.write
}

function joined(parts: readonly Buffer[], bytes: number): Buffer {
  const [first] = parts
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, bytes)
}
