import { invalidResponse } from '../errors.ts'
import { copyOf } from './copy-of.ts'

const lf = 0x0a
const cr = 0x0d

/** Most bytes of all extensions of one chunk, and of all trailer fields: nothing here reads them. */
const mostLineBytes = 16_384
/** RFC 9112 section 7.1.1, without white space inside of them. */
const extensions =
  /^(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*$/
const trailerField = /^[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*$/
/** Hex digits of a chunk's size behind its leading zeros: more would not be an exact number. */
const mostDigits = 13

type State =
  | 'size'
  | 'size-blank'
  | 'extension'
  | 'size-end'
  | 'data'
  | 'data-end'
  | 'data-lf'
  | 'trailer'
  | 'trailer-lf'
  | 'over'

/**
 * Takes the chunked coding off a body (RFC 9112 section 7.1). What one read has brought comes out in one piece,
 * however many chunks it held: each piece is a write to the client.
 */
export class ChunkedBody {
  /** Where the last `read` stopped. */
  readEnd = 0
  #state: State = 'size'
  #sizeBytes = 0
  /** Of the size, without leading zeros. */
  #digits = 0
  #hasSize = false
  /** Of the chunk's data, still to come. */
  #leftBytes = 0
  /** An extension or a trailer field, as far as it has come. */
  #line = ''
  #lineBytes = 0

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /**
   * @param bytes valid during this call only; what is read of them is overwritten
   * @param start where to begin in them
   * @param end where they end
   * @returns a copy of the data in them; `readEnd` is where it stopped, the end of the body or of the bytes
   * @throws Http1Error `ERR_HTTP1_INVALID_RESPONSE`
   */
  read(bytes: Buffer, start: number, end: number): Buffer {
    let dataStart = start
    let dataEnd = start
    let at = start
    while (at < end && this.#state !== 'over') {
      if (this.#state === 'data') {
        const pieceEnd = Math.min(end, at + this.#leftBytes)
        // The first piece stays where it is, the others join it there: all is copied once, at the end.
        if (dataStart === dataEnd) dataStart = dataEnd = at
        else bytes.copyWithin(dataEnd, at, pieceEnd)
        dataEnd += pieceEnd - at
        this.#leftBytes -= pieceEnd - at
        at = pieceEnd
        if (this.#leftBytes === 0) {
          this.#state = 'data-end'
          at = this.#nextChunk(bytes, at, end)
        }
      } else {
        this.#step(bytes[at] ?? 0)
        at++
      }
    }
    this.readEnd = at
    return copyOf(bytes, dataStart, dataEnd)
  }

  /**
   * Goes from the end of a chunk's data to the next one's, where all between is here and a size without extensions.
   * @returns where that begins; `at` where the bytes must be read one by one
   */
  #nextChunk(bytes: Buffer, at: number, end: number): number {
    if (bytes[at] !== cr || bytes[at + 1] !== lf) return at
    const sizeStart = at + 2
    let sizeEnd = sizeStart
    let sizeBytes = 0
    for (let digit = hexDigit(bytes[sizeEnd] ?? 0); digit >= 0; digit = hexDigit(bytes[sizeEnd] ?? 0)) {
      sizeBytes = sizeBytes * 16 + digit
      sizeEnd++
      if (sizeEnd - sizeStart > mostDigits) return at
    }
    const dataStart = sizeEnd + 2
    if (sizeBytes === 0 || dataStart > end || bytes[sizeEnd] !== cr || bytes[sizeEnd + 1] !== lf) return at
    this.#leftBytes = sizeBytes
    this.#state = 'data'
    return dataStart
  }

  #step(byte: number): void {
    switch (this.#state) {
      case 'size':
        this.#size(byte)
        break
      case 'size-blank':
        if (byte === cr) this.#state = 'size-end'
        else if (isBlank(byte)) this.#count()
        else this.#extend(byte)
        break
      case 'extension':
        if (byte === cr) this.#state = 'size-end'
        else this.#gather(byte)
        break
      case 'size-end':
        expect(byte, lf)
        if (!extensions.test(this.#line)) throw invalidResponse('invalid chunk extension')
        this.#sizeKnown()
        break
      case 'data-end':
        expect(byte, cr)
        this.#state = 'data-lf'
        break
      case 'data-lf':
        expect(byte, lf)
        this.#begin()
        break
      case 'trailer':
        if (byte === cr) this.#state = 'trailer-lf'
        else this.#gather(byte)
        break
      case 'trailer-lf':
        expect(byte, lf)
        this.#trailerLine()
        break
      case 'data':
      case 'over':
        // Not read byte by byte.
        break
    }
  }

  #begin(): void {
    this.#state = 'size'
    this.#sizeBytes = 0
    this.#digits = 0
    this.#hasSize = false
    this.#line = ''
    this.#lineBytes = 0
  }

  #size(byte: number): void {
    const digit = hexDigit(byte)
    if (digit >= 0) {
      this.#hasSize = true
      this.#sizeBytes = this.#sizeBytes * 16 + digit
      if (this.#sizeBytes > 0) this.#digits++
      if (this.#digits > mostDigits) throw invalidResponse('chunk size too large')
      this.#count()
      return
    }
    if (!this.#hasSize) throw invalidResponse('chunk without a size')
    if (byte === cr) this.#state = 'size-end'
    // Servers that reserve room for the size fill it with blanks (section 7.1.1 calls them bad white space).
    else if (isBlank(byte)) this.#state = 'size-blank'
    else this.#extend(byte)
  }

  #extend(byte: number): void {
    if (byte !== 0x3b) throw invalidResponse('invalid chunk size')
    this.#state = 'extension'
    this.#gather(byte)
  }

  #sizeKnown(): void {
    this.#leftBytes = this.#sizeBytes
    this.#state = this.#sizeBytes === 0 ? 'trailer' : 'data'
    this.#line = ''
  }

  /** The trailer ends with an empty line. */
  #trailerLine(): void {
    if (this.#line === '') {
      this.#state = 'over'
      return
    }
    if (!trailerField.test(this.#line)) throw invalidResponse('invalid trailer')
    this.#state = 'trailer'
    this.#line = ''
  }

  #gather(byte: number): void {
    this.#line += String.fromCharCode(byte)
    this.#count()
  }

  #count(): void {
    this.#lineBytes++
    if (this.#lineBytes > mostLineBytes) throw invalidResponse('chunk extension or trailer too large')
  }
}

function expect(byte: number, wanted: number): void {
  if (byte !== wanted) throw invalidResponse('chunk without a line end')
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
