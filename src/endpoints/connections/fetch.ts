import { decodeBody } from '../../http/headers/content-coding.ts'
import { headerPairs } from '../../http/headers/header-shapes.ts'
import { headerValue } from '../../http/headers/response-headers.ts'
import { type Clock, systemClock } from '../../kernel/clock.ts'
import { type AttemptFailure, classifyFailure, describeFailure } from './failure.ts'
import type { UpstreamPools } from './pools.ts'
import { ConnectionReuse, type WatchedOptions } from './reused-connection.ts'
import type { Shortages } from './shortages.ts'

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
  /** Whether the status is all that counts: then the body may be of any size, and in any coding. Default false. */
  readonly dropsBody?: boolean
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

export interface FetchServices {
  /** Default the system's. */
  readonly clock?: Pick<Clock, 'monotonicMs'>
  /** Told of each connection that the gateway itself could not make. */
  readonly shortages?: Shortages
  /** For `Via`: an endpoint that is the gateway itself refuses what it has sent. */
  readonly viaEntry?: string
}

export type UpstreamFetch = (request: FetchRequest) => Promise<FetchedAnswer>

/** Time for the connection itself; probes have their own limit for the whole. */
const connectMs = 5_000
/** Redirects that are followed: to a path with a slash, to a versioned path. */
const maxRedirects = 5
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const noBytes: Buffer = Buffer.alloc(0)
/** The UTF-8 byte order mark, which .NET servers put before their JSON. */
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * A fetch over the gateway's own connection pools. It follows redirects within the origin and decodes what comes
 * encoded, as Go's client does, which Olla's users rely on. Throws only `FetchError`.
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
        const answer = await ask(pools, url, request, signal)
        const next = redirects < maxRedirects ? redirectTarget(answer, url, request.body) : undefined
        if (next === undefined) return { ...answer, durationMs: clock.monotonicMs() - startedMs }
        url = next
      }
    } catch (error) {
      if (error instanceof FetchError) throw error
      if (signal.aborted)
        throw new FetchError({ kind: 'first_byte_timeout', cause: error }, `no answer within ${timeoutMs} ms`)
      const failure = classifyFailure(error)
      throw new FetchError(shortages?.explain(failure) ?? failure)
    }
  }
}

async function ask(
  pools: UpstreamPools,
  { origin, pathname, search }: URL,
  { headers, body, maxBytes, dropsBody = false }: FetchRequest,
  signal: AbortSignal,
): Promise<Omit<FetchedAnswer, 'durationMs'>> {
  const pool = pools.get({ origin, timeouts: { connectMs, tlsMs: connectMs } })
  const reuse = new ConnectionReuse()
  const options: WatchedOptions = {
    method: body === undefined ? 'GET' : 'POST',
    body: body ?? null,
    path: `${pathname}${search}`,
    headers: ['Accept-Encoding', 'identity', ...headers],
    reuse,
  }
  const response = await pool.request({ ...options, signal }).catch((error: unknown) => {
    reuse.isOver = true
    // A kept connection that its server has closed says nothing of the endpoint.
    if (reuse.client === undefined || !reuse.isStale(error)) throw error
    return reuse.client.onFreshConnection((fresh) => fresh.request({ ...options, signal }))
  })
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBytes) {
      if (dropsBody) break
      throw new FetchError({ kind: 'protocol' }, `answer larger than ${maxBytes} bytes`)
    }
    if (!dropsBody) chunks.push(chunk)
  }
  const pairs = headerPairs(response.headers)
  return {
    statusCode: response.statusCode,
    header: (name) => headerValue(pairs, name),
    body: dropsBody
      ? noBytes
      : await readable(Buffer.concat(chunks), headerValue(pairs, 'content-encoding'), maxBytes),
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

/** Only within the origin: credentials must not leave it. A POST goes on only where its body goes with it. */
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
