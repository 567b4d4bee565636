import { decodeBody } from '../../http/headers/content-coding.ts'
import { headerValue } from '../../http/headers/response-headers.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { type AttemptFailure, classifyFailure, describeFailure } from './failure.ts'
import type { UpstreamPools } from './pools.ts'
import type { Shortages } from './shortages.ts'
import { BodyTooLargeError, wholeAnswer } from './whole-answer.ts'

/** A small request of the gateway itself: a probe, a model list, a count. */
export interface FetchRequest {
  /** Sent by POST; if absent, the method is GET. */
  readonly body?: Buffer | undefined
  /** Absolute URL. */
  readonly url: string
  /** Flat name/value pairs. */
  readonly headers: readonly string[]
  readonly timeoutMs: number
  /** Maximum body size to read. */
  readonly maxBytes: number
  /** Whether only the status matters: the body may then have any size and coding. Default false. */
  readonly dropsBody?: boolean
  /** Whether a redirect is the answer. Default false. */
  readonly keepsRedirects?: boolean
}

export interface FetchedAnswer {
  readonly statusCode: number
  /** Returns the first value of a header; the name in lower case. */
  header(lowerName: string): string | undefined
  readonly body: Buffer
  readonly durationMs: number
}

/** No usable answer. The message is safe to display. */
export class FetchError extends Error {
  override readonly name = 'FetchError'
  readonly failure: AttemptFailure

  constructor(failure: AttemptFailure, message = describeFailure(failure)) {
    super(message, { cause: failure.cause })
    this.failure = failure
  }
}

export interface FetchServices {
  /** Default: the system clock. */
  readonly clock?: Pick<Clock, 'monotonicMs'>
  /** Receives each connection that the gateway itself could not open. */
  readonly shortages?: Shortages
  /** For `Via`: if the endpoint is the gateway itself, it refuses requests that carry its own entry. */
  readonly viaEntry?: string
}

export type UpstreamFetch = (request: FetchRequest) => Promise<FetchedAnswer>

/** Connect timeout; probes have their own limit for the whole request. */
const connectMs = 5_000
/** Maximum redirects: for a trailing slash, for a versioned path. */
const maxRedirects = 5
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** The UTF-8 byte order mark, which .NET servers put before their JSON. */
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Creates a fetch over the gateway's own connection pools. It follows redirects within the origin and decodes
 * compressed bodies, like Go's client, on which Olla's users rely. Throws only `FetchError`.
 */
export function createUpstreamFetch(
  pools: UpstreamPools,
  { clock = systemClock, shortages, viaEntry }: FetchServices = {},
): UpstreamFetch {
  const via = viaEntry === undefined ? [] : ['Via', viaEntry]
  return async (given) => {
    const request = { ...given, headers: [...via, ...given.headers] }
    const { timeoutMs } = request
    const startedMs = clock.monotonicMs()
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      let url = new URL(request.url)
      for (let redirects = 0; ; redirects++) {
        const answer = await send(pools, url, request, signal)
        const follows = request.keepsRedirects !== true && redirects < maxRedirects
        const next = follows ? redirectTarget(answer, url, request.body) : undefined
        if (next === undefined) return { ...answer, durationMs: clock.monotonicMs() - startedMs }
        url = next
      }
    } catch (error) {
      if (error instanceof FetchError) throw error
      if (error instanceof BodyTooLargeError) throw new FetchError({ kind: 'protocol' }, error.message)
      if (signal.aborted)
        throw new FetchError({ kind: 'first_byte_timeout', cause: error }, `no answer within ${timeoutMs} ms`)
      const failure = classifyFailure(error)
      throw new FetchError(shortages?.explain(failure) ?? failure)
    }
  }
}

async function send(
  pools: UpstreamPools,
  { origin, pathname, search }: URL,
  { headers, body, maxBytes, dropsBody = false }: FetchRequest,
  signal: AbortSignal,
): Promise<Omit<FetchedAnswer, 'durationMs'>> {
  const pool = pools.get({ origin, timeouts: { connectMs, tlsMs: connectMs } })
  const request = {
    method: body === undefined ? 'GET' : 'POST',
    path: `${pathname}${search}`,
    headers: ['Accept-Encoding', 'identity', ...headers],
    body: body ?? null,
  }
  const answer = await wholeAnswer(pool, request, { signal, maxBytes, dropsBody })
  return {
    statusCode: answer.statusCode,
    header: (name) => headerValue(answer.headers, name),
    body: dropsBody
      ? answer.body
      : await readable(answer.body, headerValue(answer.headers, 'content-encoding'), maxBytes),
  }
}

async function readable(body: Buffer, codings: string | undefined, maxBytes: number): Promise<Buffer> {
  let decoded: Buffer | undefined
  try {
    decoded = await decodeBody(body, codings, maxBytes)
  } catch (cause) {
    throw new FetchError(
      { kind: 'protocol', cause },
      `answer is not valid ${codings} within ${maxBytes} bytes`,
    )
  }
  if (decoded === undefined)
    throw new FetchError({ kind: 'protocol' }, `answer in an unknown coding: ${codings}`)
  const isMarked = decoded.subarray(0, byteOrderMark.length).equals(byteOrderMark)
  return isMarked ? decoded.subarray(byteOrderMark.length) : decoded
}

/**
 * Only within the origin: credentials must not leave it. Follows for a POST only if the redirect preserves the body.
 */
function redirectTarget(
  { statusCode, header }: Pick<FetchedAnswer, 'statusCode' | 'header'>,
  from: URL,
  body: Buffer | undefined,
): URL | undefined {
  if (!redirectStatuses.has(statusCode)) return undefined
  if (body !== undefined && statusCode !== 307 && statusCode !== 308) return undefined
  const location = header('location')
  if (location === undefined || !URL.canParse(location, from.href)) return undefined
  const to = new URL(location, from)
  return to.origin === from.origin ? to : undefined
}
