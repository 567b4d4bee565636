import type { FieldSpan } from './form-fields.ts'

/** Longer values are truncated: the start is enough to reject the name of a model as too long. */
const maxValueBytes = 2_048
/** Maximum head of one part; no client writes longer ones. */
const maxHeadBytes = 8192

const headEnd = Buffer.from('\r\n\r\n')
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Searches a multipart form (RFC 7578) for one text field while its chunks pass through. It skips file parts and empty
 * fields and keeps only the bytes at the boundary between two chunks.
 */
export class MultipartScanner {
  readonly #delimiter: Buffer
  readonly #field: string
  #state: 'seek' | 'head' | 'value' | 'done' = 'seek'
  #carry: Buffer = noBytes
  #value: string | undefined
  #span: FieldSpan | undefined
  #pushedBytes = 0

  constructor(contentType: string, field: string) {
    const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType)
    this.#delimiter = Buffer.from(`--${boundary?.[1] ?? boundary?.[2] ?? ''}`)
    this.#field = field
    if (this.#delimiter.length === 2) this.#state = 'done'
  }

  /** Undefined until the scanner has found the field. */
  get value(): string | undefined {
    return this.#value
  }

  /** Position of the value in the form. */
  get span(): FieldSpan | undefined {
    return this.#span
  }

  push(chunk: Buffer): void {
    if (this.#state === 'done') return
    this.#pushedBytes += chunk.length
    let bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk])
    this.#carry = noBytes
    for (;;) {
      const rest = this.#step(bytes)
      if (rest === undefined) return
      bytes = rest
    }
  }

  /** Runs one step. @returns the bytes that remain; undefined if the scanner needs more bytes */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case 'seek': {
        const at = bytes.indexOf(this.#delimiter)
        if (at < 0) return this.#keep(bytes.subarray(-(this.#delimiter.length - 1)))
        this.#state = 'head'
        return bytes.subarray(at + this.#delimiter.length)
      }
      case 'head': {
        const end = bytes.indexOf(headEnd)
        if (end < 0) {
          if (bytes.length > maxHeadBytes) this.#state = 'done'
          return this.#keep(bytes)
        }
        this.#state = isField(bytes.toString('latin1', 0, end), this.#field) ? 'value' : 'seek'
        return bytes.subarray(end + headEnd.length)
      }
      case 'value': {
        const end = bytes.indexOf(this.#delimiter)
        if (end < 0 && bytes.length <= maxValueBytes + this.#delimiter.length) return this.#keep(bytes)
        this.#state = 'done'
        // The line break before a delimiter is part of the delimiter.
        if (end < 0 || end - 2 > maxValueBytes) {
          this.#value = bytes.toString('utf8', 0, maxValueBytes)
          return undefined
        }
        if (end < 2) return undefined
        const value = bytes.toString('utf8', 0, end - 2)
        if (value.trim() === '') {
          this.#state = 'seek'
          return bytes.subarray(end)
        }
        this.#value = value
        const start = this.#pushedBytes - bytes.length
        this.#span = { start, end: start + end - 2 }
        return undefined
      }
      case 'done':
        return undefined
    }
  }

  #keep(bytes: Buffer): undefined {
    if (this.#state !== 'done') this.#carry = bytes
  }
}

function isField(head: string, field: string): boolean {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? ''
  if (/;\s*filename/i.test(disposition)) return false
  const name = /;\s*name=(?:"([^"]*)"|([^;\s]+))/i.exec(disposition)
  return (name?.[1] ?? name?.[2]) === field
}
