import { type AttemptFailure, classifyFailure, describeFailure } from './failure.ts'
import { headerPairs } from './header-shapes.ts'
import type { UpstreamPools } from './pools.ts'
import { headerValue } from './response-headers.ts'

/** A small request that the gateway makes for itself: a probe, a model list, a count. */
export interface FetchRequest {
  /** Sent by POST; by default nothing, and the method is GET. */
  readonly body?: Buffer | undefined
  /** Absolute. */
  readonly url: string
  /** Flat name/value pairs. */
  readonly headers: readonly string[]
  readonly timeoutMs: number
  /** Most bytes of the body that are read. */
  readonly maxBytes: number
}

export interface FetchedAnswer {
  readonly statusCode: number
  /** The first value of a header; the name in lower case. */
  header(lowerName: string): string | undefined
  readonly body: Buffer
  readonly durationMs: number
}

/** No usable answer. The message is fit to be shown. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly failure: AttemptFailure

  constructor(failure: AttemptFailure, message = describeFailure(failure)) {
    super(message, { cause: failure.cause })
    this.failure = failure
  }
}

export type UpstreamFetch = (request: FetchRequest) => Promise<FetchedAnswer>

/** Time for the connection itself; probes have their own limit for the whole. */
const connectMs = 5_000

/** A fetch over the gateway's own connection pools. Throws only `FetchError`. */
export function createUpstreamFetch(pools: UpstreamPools): UpstreamFetch {
  return async ({ url, headers, timeoutMs, maxBytes, body }) => {
    const startedMs = performance.now()
    const { origin, pathname, search } = new URL(url)
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const pool = pools.get({ origin, timeouts: { connectMs, tlsMs: connectMs } })
      const response = await pool.request({
        method: body === undefined ? 'GET' : 'POST',
        body: body ?? null,
        path: `${pathname}${search}`,
        headers: [...headers],
        signal,
      })
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        bytes += chunk.length
        if (bytes > maxBytes)
          throw new FetchError({ kind: 'protocol' }, `answer larger than ${maxBytes} bytes`)
        chunks.push(chunk)
      }
      const pairs = headerPairs(response.headers)
      return {
        statusCode: response.statusCode,
        header: (name) => headerValue(pairs, name),
        body: Buffer.concat(chunks),
        durationMs: performance.now() - startedMs,
      }
    } catch (error) {
      if (error instanceof FetchError) throw error
      if (signal.aborted)
        throw new FetchError({ kind: 'first_byte_timeout', cause: error }, `no answer within ${timeoutMs} ms`)
      throw new FetchError(classifyFailure(error))
    }
  }
}
