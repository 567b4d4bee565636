/**
 * Protects the gateway from pages of other sites, and from pages under host names that resolve to it (DNS rebinding),
 * which would use it through a visitor's browser; answers preflights. Allows pages of this machine's own programs, as
 * Ollama does, and further ones as CORS is configured. Covers the routes of its scope; depends on the event bus and the
 * request context. A request from a program other than a browser costs two header lookups. Uses if present:
 * `configVersions`.
 */
import { hostname } from 'node:os'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { BrowserCheck } from '../../src/admin/security/browser-check.ts'
import { exposedHeaders } from '../../src/admin/security/exposed-headers.ts'
import { OriginList } from '../../src/admin/security/origins.ts'
import { readSections, type Sections, type SectionsRead } from '../../src/config/options/sections.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

/**
 * Reads `server.allowed_hosts`, `dashboard.access_policy.allowed_hosts` and `server.cors`, whose origins the CORS
 * plugin answers.
 */
export type BrowserCheckOptions = Sections<'server' | 'dashboard'>

const exposed = exposedHeaders.join(', ')
const maxAgeSeconds = '300'
const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

export default fp<BrowserCheckOptions>(
  async function browserCheck(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { server, dashboard } = readSections(options, ['server', 'dashboard'])
    const corsOrigins = server.cors.enabled ? server.cors.allowedOrigins : undefined
    const checkOf = (sections: SectionsRead<'server' | 'dashboard'>) =>
      new BrowserCheck({
        corsOrigins: corsOrigins && new OriginList(corsOrigins),
        allowedHosts: [...sections.server.allowedHosts, ...sections.dashboard.accessPolicy.allowedHosts],
        machineName: hostname(),
      })
    let check = checkOf({ server, dashboard })
    followSections(versions, ['server', 'dashboard'], (next) => {
      const prepared = checkOf(next)
      return () => {
        check = prepared
      }
    })

    app.addHook('onRequest', function checkBrowser(request, reply, next) {
      if (request.method !== 'OPTIONS' && (check.isPlain(request.headers) || hasOwnCheck(request))) next()
      else inspect(request, reply, next)
    })

    function inspect(request: FastifyRequest, reply: FastifyReply, next: (error?: Error) => void): void {
      const { headers, method, raw, socket } = request
      const { origin } = headers
      const isInternal = request.gateway.routeClass === 'internal'
      const decision = check.decide({
        method,
        httpVersion: raw.httpVersion,
        headers,
        peer: socket.remoteAddress,
        port: socket.localPort,
        isLoopbackOnly: isLoopbackOnly(),
      })
      const isPreflight = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
      // The host application has set the CORS header, so it accepts the origin.
      const isAnswered = reply.hasHeader('access-control-allow-origin')
      if (!decision.allowed) {
        if (isAnswered) next()
        else refuse(request, decision.message, next)
        return
      }
      // Below `/internal`, other origins may read nothing unless the configuration allows it.
      const reads = decision.reads && !(isInternal && corsOrigins === undefined)
      if (corsOrigins !== undefined || isAnswered) {
        if (!isPreflight || reads || isAnswered) next()
        else if (origin === undefined) reply.code(204).send()
        else refuse(request, `server.cors does not allow the origin ${origin.slice(0, 100)}.`, next)
        return
      }
      if (reads && origin !== undefined) allowReading(reply, origin)
      if (!isPreflight) next()
      else if (decision.reads && !reads) refuse(request, 'Other origins may not request this.', next)
      else answerPreflight(request, reply)
    }

    function refuse(request: FastifyRequest, reason: string, next: (error: Error) => void): void {
      app.gatewayEvents.publish('access.refused', {
        client: request.gateway.clientAddress,
        host: request.headers.host,
        path: request.routeOptions.url ?? '',
        reason,
      })
      next(new GatewayError('forbidden', reason))
    }

    function isLoopbackOnly(): boolean {
      const address = app.server.address()
      return typeof address === 'object' && address !== null && /^127\.|^::1$/.test(address.address)
    }
  },
  {
    name: 'gateway-browser-check',
    fastify: '5.x',
    dependencies: ['gateway-events', 'gateway-request-context'],
  },
)

/**
 * Probes reveal nothing and come from any address; gated routes check names and origins themselves, or require a token.
 */
function hasOwnCheck({ routeOptions }: FastifyRequest): boolean {
  const level = routeOptions.config.internalAccess
  return level !== undefined && level !== 'olla'
}

function allowReading(reply: FastifyReply, origin: string): void {
  reply.header('Access-Control-Allow-Origin', origin)
  reply.header('Access-Control-Expose-Headers', exposed)
  reply.header('Vary', 'Origin')
}

/** Sets `Content-Length` for Safari, which otherwise waits for a body. */
function answerPreflight({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (reply.hasHeader('access-control-allow-origin')) {
    reply.header('Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers')
    reply.header('Access-Control-Allow-Methods', allowedMethods)
    const requestedHeaders = headers['access-control-request-headers']
    if (requestedHeaders !== undefined) reply.header('Access-Control-Allow-Headers', requestedHeaders)
    reply.header('Access-Control-Max-Age', maxAgeSeconds)
  }
  reply.code(204).header('Content-Length', '0').send()
}
