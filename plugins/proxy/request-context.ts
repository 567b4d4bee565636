/**
 * Creates the context of each request, and answers errors in the dialect of the API that was called. Decorates
 * `request.gateway` and `clientAddresses`; sets `X-Olla-Request-ID` on every response. Uses if present:
 * `configVersions`, whose version a request notes.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { dialectOf, routeClassOf } from '../../src/dialects/requests/dialect.ts'
import { ClientAddresses } from '../../src/http/client-address.ts'
import { serveNoMore } from '../../src/http/connections/closing-connections.ts'
import { lingerOnClose } from '../../src/http/connections/lingering-close.ts'
import { adoptRequestId, createRequestIds } from '../../src/http/request/request-id.ts'
import { takeOriginForm } from '../../src/http/request/request-target.ts'
import { refusalOfHead } from '../../src/http/request/strict-head.ts'
import { hasUnreadBody } from '../../src/http/request/unread-body.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { RequestContext } from '../../src/proxy/contract/context.ts'
import { toGatewayError } from '../../src/proxy/request/error-mapping.ts'

/** Reads which proxies are trusted: `server.rate_limits.trust_proxy_headers` and `trusted_proxy_cidrs`. */
export interface RequestContextOptions extends Sections<'server'> {
  /** Name of the gateway in `Via` of every request that it sends. */
  readonly pseudonym?: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    clientAddresses: ClientAddresses
  }
  interface FastifyRequest {
    gateway: RequestContext
  }
}

export default fp<RequestContextOptions>(
  async function requestContext(app, options) {
    const clock = options.clock ?? systemClock
    const { rateLimits } = readSections(options, ['server'], ['pseudonym', 'clock']).server
    const { pseudonym } = options
    const nextId = createRequestIds()
    let serial = 0
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const noted = (version = 1) => (version > 1 ? version : undefined)
    let configVersion = noted(versions?.current.version)
    versions?.follow(({ version }) => () => {
      configVersion = noted(version)
    })
    const addresses = new ClientAddresses({
      trustProxyHeaders: rateLimits.trustProxyHeaders,
      trustedProxies: rateLimits.trustedProxyCidrs,
    })
    const prefixLength = app.prefix.length
    app.decorate('clientAddresses', addresses)
    app.decorateRequest('gateway')

    function contextOf(request: FastifyRequest): RequestContext {
      // The host's own router passed it unchanged.
      takeOriginForm(request.raw)
      const { url } = request
      const path = pathOf(url).slice(prefixLength)
      const id = adoptRequestId(request.headers['x-request-id']) ?? nextId()
      const peer = request.socket.remoteAddress ?? ''
      const forwardedFor = request.headers['x-forwarded-for']
      const client = addresses.client(
        peer,
        Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
      )
      const context = new RequestContext(
        id,
        clock.monotonicMs(),
        dialectOf(path, request.headers),
        routeClassOf(path),
        client,
      )
      context.rawHeaders = request.raw.rawHeaders
      serial++
      context.serial = serial
      context.configVersion = configVersion
      context.method = request.method
      context.url = url
      context.headers.push('X-Olla-Request-ID', id)
      return context
    }

    // The methods that a path accepts, to distinguish a wrong method from a wrong path.
    const methodsByPath = new Map<string, Set<string>>()
    app.addHook('onRoute', function remember({ url, method }) {
      const methods = methodsByPath.get(url) ?? new Set()
      methodsByPath.set(url, methods)
      for (const each of Array.isArray(method) ? method : [method]) methods.add(each)
    })
    app.addHook('onRequest', function open(request, _reply, next) {
      request.gateway = contextOf(request)
      const { via } = request.headers
      if (via !== undefined && pseudonym !== undefined && via.includes(pseudonym)) {
        next(new GatewayError('loop_detected'))
        return
      }
      next(refusalOfHead(request.raw))
    })
    // A relayed answer gets them from the context itself.
    app.addHook('onSend', function addHeaders(request, reply, payload, next) {
      // A hook of the host may have answered before the context existed.
      const context: RequestContext | undefined = request.gateway
      context?.heldBody?.over()
      const headers = context?.headers ?? []
      for (let at = 0; at < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1])
      next(null, payload)
    })
    app.setErrorHandler<FastifyError | GatewayError>((error, request, reply) => {
      // A hook of the host may have refused the request first (for example, its authentication).
      const early: RequestContext | undefined = request.gateway
      if (early === undefined) request.gateway = contextOf(request)
      answerError(error, request, reply)
    })
    app.setNotFoundHandler((request, reply) =>
      answerError(nothingAt(pathOf(request.url), methodsByPath), request, reply),
    )
  },
  { name: 'gateway-request-context', fastify: '5.x' },
)

function nothingAt(path: string, methodsByPath: ReadonlyMap<string, ReadonlySet<string>>): GatewayError {
  const methods = methodsByPath.get(path)
  if (methods === undefined) return new GatewayError('not_found')
  return new GatewayError('method_not_allowed', undefined, { headers: ['Allow', [...methods].join(', ')] })
}

function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

function answerError(cause: FastifyError | GatewayError, request: FastifyRequest, reply: FastifyReply): void {
  const error = toGatewayError(cause)
  const context = request.gateway
  if (error.code === 'internal')
    request.server.log.error({ err: cause, request_id: context.id }, 'unexpected error')
  context.error = error.code
  context.status = error.statusCode
  if (reply.raw.headersSent) {
    reply.raw.destroy()
    return
  }
  if (error.retryAfterSeconds !== undefined) reply.header('Retry-After', String(error.retryAfterSeconds))
  for (let at = 0; at < error.headers.length; at += 2)
    reply.header(error.headers[at] ?? '', error.headers[at + 1])
  const { requestIdHeader, errors } = context.dialect
  if (requestIdHeader !== undefined) reply.header(requestIdHeader, context.id)
  // The rest of a refused upload would be parsed as the next request on this connection.
  if (hasUnreadBody(request.raw)) {
    reply.header('Connection', 'close')
    serveNoMore(request.raw.socket)
    lingerOnClose(request.raw.socket, systemClock, () => request.server.server.listening)
  }
  reply.code(error.statusCode).type('application/json; charset=utf-8')
  reply.serializer(JSON.stringify)
  reply.send(errors.body(error, context.id))
}
