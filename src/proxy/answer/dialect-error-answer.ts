import type { Dialect, ErrorForm } from '../../dialects/contract/dialect.ts'
import { isMissingStatus } from '../../dialects/errors/missing.ts'
import type { GatheredAnswer, WholeAnswer } from '../../dialects/variants/request-variant.ts'
import { unpacked } from './unpacked.ts'

/** An endpoint's error, and what was requested. */
export interface EndpointError {
  readonly dialect: Dialect
  readonly form: ErrorForm
  readonly statusCode: number
  readonly path: string
  readonly requestId: string
  /** `Content-Encoding` of the body. */
  readonly encoding: string | undefined
}

/** Error bodies are small; the start of a larger one is enough. */
const maxErrorBytes = 65_536

const jsonHead = ['Content-Type', 'application/json; charset=utf-8']
const noHeaders: readonly string[] = []

/** An endpoint's error in the client's dialect. One that is in that dialect already is relayed byte for byte. */
export class DialectErrorAnswer implements GatheredAnswer {
  readonly #error: EndpointError
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(error: EndpointError) {
    this.#error = error
  }

  push(chunk: Buffer): void {
    if (this.#bytes >= maxErrorBytes) return
    this.#chunks.push(chunk.subarray(0, maxErrorBytes - this.#bytes))
    this.#bytes += chunk.length
  }

  end(): WholeAnswer {
    const { dialect, form, encoding } = this.#error
    const body = Buffer.concat(this.#chunks)
    const text = unpacked(body, encoding)
    const headers = encoding === undefined ? noHeaders : ['Content-Encoding', encoding]
    if (text === undefined) return { statusCode: this.#error.statusCode, headers, body }
    const { errors } = dialect
    const unknown = this.#unknownObject(text)
    if (unknown !== undefined) return { statusCode: 404, headers: jsonHead, body: Buffer.from(unknown) }
    const statusCode = errors.status(form, this.#error.statusCode, text)
    const translated = errors.translate(form, statusCode, text)
    if (translated === undefined) return { statusCode, headers, body }
    return { statusCode, headers: jsonHead, body: Buffer.from(translated) }
  }

  /**
   * For an endpoint without the route of a stored object: to the client only the object is unknown.
   * @returns undefined for any other error, and for one that names the object itself
   */
  #unknownObject(text: string): string | undefined {
    const { dialect, path, statusCode, requestId } = this.#error
    if (!isMissingStatus(statusCode)) return undefined
    const message = dialect.errors.unknownObject?.(path, text)
    return message && JSON.stringify(dialect.errors.body({ code: 'not_found', message }, requestId))
  }
}
