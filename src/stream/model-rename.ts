import type { AnswerTransform } from './answer-transform.ts'

const mark = Buffer.from('"model"')
const noBytes: Buffer = Buffer.alloc(0)

const colon = 0x3a
const quote = 0x22
const backslash = 0x5c

/** Longest model value that is waited for at the end of a chunk. */
const maxHeldBytes = 1024

/**
 * Gives the answers of an endpoint the model name that the client asked for: in JSON, SSE and NDJSON alike it
 * replaces the value of each `"model"` key that is the endpoint's name. Inside a JSON string the quotes would
 * be escaped, so text that an answer quotes is never touched. Only a key that a chunk cuts in two is held back.
 */
export class ModelRename implements AnswerTransform {
  readonly #from: Buffer
  readonly #to: Buffer
  #held: Buffer = noBytes

  constructor(from: string, to: string) {
    this.#from = Buffer.from(JSON.stringify(from))
    this.#to = Buffer.from(JSON.stringify(to))
  }

  push(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = noBytes
    const parts: Buffer[] = []
    let copied = 0
    let at = 0
    for (;;) {
      const key = bytes.indexOf(mark, at)
      if (key < 0) break
      const value = valueAfter(bytes, key + mark.length)
      if (value === 'cut') {
        if (bytes.length - key > maxHeldBytes) break
        this.#held = bytes.subarray(key)
        parts.push(bytes.subarray(copied, key))
        return join(parts)
      }
      at = key + mark.length
      // An escaped quote before the key: this is text, not a key.
      if (value === undefined || bytes[key - 1] === backslash) continue
      if (bytes.subarray(value.start, value.end).equals(this.#from)) {
        parts.push(bytes.subarray(copied, value.start), this.#to)
        copied = value.end
      }
      at = value.end
    }
    const keep = partialMark(bytes, Math.max(copied, at))
    this.#held = bytes.subarray(bytes.length - keep)
    parts.push(bytes.subarray(copied, bytes.length - keep))
    return join(parts)
  }

  /** What is still held back, at the end of the answer. */
  end(): Buffer {
    const held = this.#held
    this.#held = noBytes
    return held
  }
}

function join(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] ?? noBytes) : Buffer.concat(parts)
}

/** The string value behind a key; `cut` where the chunk ends first, undefined where it is no string. */
function valueAfter(bytes: Buffer, from: number): { start: number; end: number } | 'cut' | undefined {
  let at = skipSpace(bytes, from)
  if (at >= bytes.length) return 'cut'
  if (bytes[at] !== colon) return undefined
  at = skipSpace(bytes, at + 1)
  if (at >= bytes.length) return 'cut'
  if (bytes[at] !== quote) return undefined
  for (let end = at + 1; end < bytes.length; end++) {
    if (bytes[end] === backslash) end++
    else if (bytes[end] === quote) return { start: at, end: end + 1 }
  }
  return 'cut'
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at++
  return at
}

/** How many of the last bytes may be the beginning of a key. */
function partialMark(bytes: Buffer, from: number): number {
  for (let length = Math.min(mark.length - 1, bytes.length - from); length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length
  }
  return 0
}
