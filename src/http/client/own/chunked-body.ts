import { invalidResponse } from '../errors.ts'
import { copyOf } from './copy-of.ts'

const lf = 0x0a
const cr = 0x0d

/** Maximum bytes of all extensions of one chunk and of all trailer fields; the client uses neither. */
const maxLineBytes = 16_384
/** RFC 9112 section 7.1.1, without white space inside the extensions. */
const extensions =
  /^(?:;[\w!#$%&'*+.^`|~-]+(?:=(?:[\w!#$%&'*+.^`|~-]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*$/
const trailerField = /^[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*$/
/** Maximum hex digits of a chunk size without leading zeros: a longer size would not be an exact number. */
const maxDigits = 13

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
 * Decodes the chunked coding of a body (RFC 9112 section 7.1). Each read yields one buffer, however many chunks it
 * held, because each buffer becomes a write to the client.
 */
export class ChunkedBody {
  /** Offset at which the last `read` stopped. */
  readEnd = 0
  #state: State = 'size'
  #sizeBytes = 0
  /** Digits of the size, without leading zeros. */
  #digits = 0
  #hasSize = false
  /** Bytes of the chunk's data still to come. */
  #leftBytes = 0
  /** The part of an extension or a trailer field that has arrived. */
  #line = ''
  #lineBytes = 0

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /**
   * @param bytes valid during this call only; `read` overwrites the bytes that it decodes
   * @param start offset of the first byte
   * @param end offset after the last byte
   * @returns a copy of the data; `readEnd` is the end of the body or of the bytes
   * @throws Http1Error `ERR_HTTP1_INVALID_RESPONSE`
   */
  read(bytes: Buffer, start: number, end: number): Buffer {
    let dataStart = start
    let dataEnd = start
    let at = start
    while (at < end && this.#state !== 'over') {
      if (this.#state === 'data') {
        const partEnd = Math.min(end, at + this.#leftBytes)
        // The data of the first chunk stays in place and the rest moves next to it, so that one copy at the end is
        // enough.
        if (dataStart === dataEnd) dataStart = dataEnd = at
        else bytes.copyWithin(dataEnd, at, partEnd)
        dataEnd += partEnd - at
        this.#leftBytes -= partEnd - at
        at = partEnd
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
   * Skips from the end of one chunk's data to the next chunk's data, if all bytes between have arrived and the size has
   * no extensions.
   * @returns the offset of that data; `at` if the bytes must be decoded one by one
   */
  #nextChunk(bytes: Buffer, at: number, end: number): number {
    if (bytes[at] !== cr || bytes[at + 1] !== lf) return at
    const sizeStart = at + 2
    let sizeEnd = sizeStart
    let sizeBytes = 0
    for (let digit = hexDigit(bytes[sizeEnd] ?? 0); digit >= 0; digit = hexDigit(bytes[sizeEnd] ?? 0)) {
      sizeBytes = sizeBytes * 16 + digit
      sizeEnd++
      if (sizeEnd - sizeStart > maxDigits) return at
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
        // `step` never receives the bytes of these states.
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
      if (this.#digits > maxDigits) throw invalidResponse('chunk size too large')
      this.#count()
      return
    }
    if (!this.#hasSize) throw invalidResponse('chunk without a size')
    if (byte === cr) this.#state = 'size-end'
    // Servers that reserve room for the size pad it with blanks (bad white space in section 7.1.1).
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

  /** An empty line ends the trailer. */
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
    if (this.#lineBytes > maxLineBytes) throw invalidResponse('chunk extension or trailer too large')
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
