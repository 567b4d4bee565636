/**
 * The simple engine's transport, on @fastify/reply-from. Decorates `upstreamTransport`; depends on the
 * upstream pools, which it leaves to their owner on close.
 */
import type { Readable } from 'node:stream'
import replyFrom from '@fastify/reply-from'
import type { FastifyReply, HTTPMethods } from 'fastify'
import fp from 'fastify-plugin'
import type { Dispatcher } from 'undici'
import type { Attempt } from '../src/upstream/attempt.ts'
import type { ClientReply } from '../src/upstream/client-relay.ts'
import { headerLists, headerPairs } from '../src/upstream/header-shapes.ts'
import type { UpstreamPools } from '../src/upstream/pools.ts'
import type { Transport, UpstreamRequest } from '../src/upstream/transport.ts'
import { watchedBody, watchedBodyBytes } from '../src/upstream/watched-body.ts'

declare module 'fastify' {
  interface FastifyInstance {
    upstreamTransport: Transport
  }
}

type RequestCallback = (error: Error | null, response: Dispatcher.ResponseData) => void

class ReplyFromTransport implements Transport {
  readonly keepsBodiesBelow = watchedBodyBytes
  readonly #pools: UpstreamPools
  #current: { attempt: Attempt; signal: AbortSignal } | undefined

  constructor(pools: UpstreamPools) {
    this.#pools = pools
  }

  send(attempt: Attempt, request: UpstreamRequest, reply: ClientReply): void {
    if (!isFastifyReply(reply)) throw new TypeError('the sherpa engine needs a Fastify reply')
    const abort = new AbortController()
    attempt.onConnect((error) => abort.abort(error))
    let headers: string[] = []
    this.#current = { attempt, signal: abort.signal }
    try {
      reply.from(`${attempt.target.endpoint.origin}${request.path}`, {
        method: request.method as HTTPMethods,
        ...bodyFor(request, reply),
        retryDelay: () => null,
        rewriteRequestHeaders: () => headerLists(request.headers),
        rewriteHeaders: (received) => {
          headers = headerPairs(received)
          return {}
        },
        onResponse: (_request, _reply, { statusCode, stream }) => relay(attempt, statusCode, headers, stream),
        onError: (_reply, { error }) => attempt.onError(error.cause ?? error),
      })
    } finally {
      this.#current = undefined
    }
  }

  /** What reply-from takes for an undici client. It calls this before `from` returns. */
  readonly request = ((options: Dispatcher.RequestOptions, callback: RequestCallback) => {
    const current = this.#current
    if (current === undefined) throw new Error('no attempt is being sent')
    const { attempt, signal } = current
    this.#pools.get(attempt.target.endpoint).request(watched(attempt, { ...options, signal }), callback)
    // undici's overloads cannot be met by one function type.
  }) as Dispatcher['request']
}

/** reply-from takes bytes as an option, and a stream only as the request's own body. */
function bodyFor(
  { body }: UpstreamRequest,
  reply: FastifyReply,
): { body?: Buffer | null; contentType?: string } {
  // null where there is none: reply-from would write the request's parsed body anew.
  if (body === null || Buffer.isBuffer(body)) return { body, contentType: 'application/octet-stream' }
  reply.request.body = body
  return {}
}

/** A large body's memory is needed for the next ones: it must be known when undici has written it. */
function watched(attempt: Attempt, options: Dispatcher.RequestOptions): Dispatcher.RequestOptions {
  const { body, headers } = options
  if (!Buffer.isBuffer(body) || body.length < watchedBodyBytes) return options
  return {
    ...options,
    // undici takes any iterable, which its types leave out.
    body: watchedBody(body, () => attempt.onBodyWritten()) as unknown as Readable,
    headers: { ...headers, 'content-length': String(body.length) },
  }
}

function relay(attempt: Attempt, statusCode: number, headers: readonly string[], stream: Readable): void {
  attempt.onHeaders(statusCode, headers, () => stream.resume())
  stream.on('data', (chunk: Buffer) => {
    if (!attempt.onData(chunk)) stream.pause()
  })
  stream.on('end', () => attempt.onComplete())
  stream.on('error', (error) => attempt.onError(error))
}

function isFastifyReply(reply: ClientReply): reply is FastifyReply & ClientReply {
  return 'from' in reply
}

export default fp(
  async function engineSherpa(app) {
    const transport = new ReplyFromTransport(app.upstreamPools)
    app.decorate('upstreamTransport', transport)
    await app.register(replyFrom, { undici: transport, disableRequestLogging: true, disableCache: true })
  },
  { name: 'gateway-engine', fastify: '5.x', dependencies: ['gateway-upstream-pools'] },
)
