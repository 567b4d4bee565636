import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Rejection } from './rejections.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** A request as received; its body is empty until it has been read. */
export class SimulatorRequest {
  readonly method: string
  /** As in the request line. */
  readonly url: string
  /** Without the query. */
  readonly path: string
  /** Flat name/value pairs, spelled as received. */
  readonly rawHeaders: readonly string[]
  body: Buffer = Buffer.alloc(0)

  constructor(incoming: IncomingMessage) {
    this.method = incoming.method ?? 'GET'
    this.url = incoming.url ?? '/'
    this.path = this.url.split('?', 1)[0] ?? '/'
    this.rawHeaders = incoming.rawHeaders
  }

  get bodySha256(): string {
    return createHash('sha256').update(this.body).digest('hex')
  }

  /** The first value of a header. */
  header(lowerName: string): string | undefined {
    const at = this.rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === lowerName)
    return at < 0 ? undefined : this.rawHeaders[at + 1]
  }

  /**
   * The body as a JSON object.
   *
   * @throws Rejection if it is not one
   */
  json(): JsonObject {
    let value: unknown
    try {
      value = JSON.parse(this.body.toString('utf8'))
    } catch {
      throw new Rejection('bad_request', 'the request body is not valid JSON')
    }
    if (!isObject(value)) throw new Rejection('bad_request', 'the request body is not a JSON object')
    return value
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
