import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import type { RelayObserver } from '../contract/answer-observer.ts'

/** The ID is at the start of a response or conversation; later bytes are not scanned. */
const maxScannedBytes = 4_096
const idPattern = /"id"\s*:\s*"((?:resp|conv)_[^"\\]+)"/

/** Whether an answer is a readable one that has the ID of a new response or conversation. */
export function hasResponseId(path: string, { statusCode, headers }: UpstreamHead): boolean {
  if (statusCode >= 300 || !(path.endsWith('/responses') || path.endsWith('/conversations'))) return false
  return headerValue(headers, 'content-encoding') === undefined
}

/** Finds the ID of a stored response or conversation in the first bytes of an answer, JSON or event stream. */
export class ResponseIdReader implements RelayObserver {
  readonly #found: (id: Buffer) => void
  #text = ''
  #isDone = false

  constructor(found: (id: Buffer) => void) {
    this.#found = found
  }

  push(chunk: Buffer): void {
    if (this.#isDone) return
    this.#text += chunk.toString('latin1', 0, maxScannedBytes - this.#text.length)
    const id = idPattern.exec(this.#text)?.[1]
    if (id !== undefined) this.#found(Buffer.from(id, 'latin1'))
    this.#isDone = id !== undefined || this.#text.length >= maxScannedBytes
    if (this.#isDone) this.#text = ''
  }

  end(): void {
    this.#isDone = true
  }
}
