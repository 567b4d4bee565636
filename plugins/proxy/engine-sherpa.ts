/**
 * The simple engine's transport, on @fastify/reply-from. Decorates `upstreamTransport`; depends on the
 * upstream pools, which it leaves to their owner on close.
 */
import { Readable } from 'node:stream'
import replyFrom from '@fastify/reply-from'
import type { FastifyReply, HTTPMethods } from 'fastify'
import fp from 'fastify-plugin'
import type { Dispatcher } from 'undici'
import type { UpstreamPools } from '../../src/endpoints/connections/pools.ts'
import type { WatchedOptions } from '../../src/endpoints/connections/reused-connection.ts'
import { headerLists } from '../../src/http/headers/header-shapes.ts'
import type { ClientReply } from '../../src/proxy/answer/client-relay.ts'
import type { Attempt } from '../../src/proxy/exchange/attempt.ts'
import type { Transport, UpstreamRequest } from '../../src/proxy/transports/transport.ts'
import { UndiciAnswer } from '../../src/proxy/transports/undici-answer.ts'
import { watchedBody, watchedBodyBytes } from '../../src/proxy/transports/watched-body.ts'

declare module 'fastify' {
  interface FastifyInstance {
    upstreamTransport: Transport
  }
}

/** The answer stands for the stream that reply-from would have from undici. */
type HeadCallback = (
  error: null,
  response: { statusCode: number; headers: Record<string, string>; body: UndiciAnswer },
) => void

class ReplyFromTransport implements Transport {
  readonly keepsBodiesBelow = watchedBodyBytes
  readonly #pools: UpstreamPools
  #attempt: Attempt | undefined
  #reopen: UpstreamRequest['reopen']

  constructor(pools: UpstreamPools) {
    this.#pools = pools
  }

  send(attempt: Attempt, request: UpstreamRequest, reply: ClientReply): void {
    if (!isFastifyReply(reply)) throw new TypeError('the sherpa engine needs a Fastify reply')
    this.#attempt = attempt
    this.#reopen = request.reopen
    try {
      reply.from(`${attempt.target.endpoint.origin}${request.path}`, {
        method: request.method as HTTPMethods,
        ...bodyFor(request, reply),
        // reply-from would take the client's where the endpoint's URL has none.
        queryString: (search) => search?.slice(1) ?? '',
        retryDelay: () => null,
        rewriteRequestHeaders: () => headerLists(request.headers),
        onResponse: (_request, _reply, { stream }) => {
          if (stream instanceof UndiciAnswer) stream.begin()
        },
        onError: (_reply, { error }) => attempt.onError(error.cause ?? error),
      })
    } finally {
      this.#attempt = undefined
    }
  }

  /** What reply-from takes for an undici client. It calls this before `from` returns. */
  readonly request = ((options: Dispatcher.RequestOptions, callback: HeadCallback) => {
    const attempt = this.#attempt
    const reopen = this.#reopen
    if (attempt === undefined) throw new Error('no attempt is being sent')
    const sent = watched(attempt, options)
    // Without headers, which reply-from would set on the reply, and without errors, which it keeps for itself where
    // the reply has begun (a ping was sent).
    const answer = new UndiciAnswer(
      attempt,
      (body) => callback(null, { statusCode: body.statusCode, headers: {}, body }),
      () => sameAgain(sent, reopen),
    )
    const carried: WatchedOptions = { ...sent, reuse: answer.reuse }
    this.#pools.get(attempt.target.endpoint).dispatch(carried, answer)
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
  // Over TLS it is told after the answer, and undici throws the connection away that it takes for one still written to.
  const isTls = attempt.target.endpoint.origin.startsWith('https:')
  if (isTls || !Buffer.isBuffer(body) || body.length < watchedBodyBytes) return options
  return {
    ...options,
    // undici takes any iterable, which its types leave out.
    body: watchedBody(body, () => attempt.onBodyWritten()) as unknown as Readable,
    headers: { ...headers, 'content-length': String(body.length) },
  }
}

/** @returns undefined where the body is a stream that cannot be opened again */
function sameAgain(
  options: Dispatcher.RequestOptions,
  reopen: UpstreamRequest['reopen'],
): Dispatcher.RequestOptions | undefined {
  if (!(options.body instanceof Readable)) return options
  return reopen === undefined ? undefined : { ...options, body: reopen() }
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
