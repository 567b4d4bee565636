/**
 * Controls access to the routes below `/internal`. Decorates `internalAccess`; a route declares its access level in
 * `config.internalAccess`, and the check is a hook of that route alone, so requests to endpoints do not run it. Wrong
 * tokens are limited per client, across all threads. Depends on the event bus, the shared cells and the request
 * context; register it before the routes. Uses if present: `configVersions`.
 */
import { randomBytes } from 'node:crypto'
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { AdminToken } from '../../src/admin/security/admin-token.ts'
import { ClientKeys } from '../../src/admin/security/client-key.ts'
import { isCrossSite, isDeliberate, isForeignRead } from '../../src/admin/security/cross-site.ts'
import {
  type AccessDecision,
  type AccessRefusal,
  InternalAccess,
  maxInternalBodyBytes,
} from '../../src/admin/security/internal-access.ts'
import { limitCells } from '../../src/admin/security/limit-cells.ts'
import { TokenTries } from '../../src/admin/security/token-tries.ts'
import { readSections, type Sections, type SectionsRead } from '../../src/config/options/sections.ts'
import { headerValue } from '../../src/http/headers/header-value.ts'
import { hasUnreadBody } from '../../src/http/request/unread-body.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

/** Reads the access rules of the dashboard, and `server.rate_limits.ipv6_prefix` for the limit of wrong tokens. */
export interface InternalAccessOptions extends Sections<'dashboard' | 'server'> {
  readonly clock?: Clock
}

/**
 * - `open`: always
 * - `olla`: open, as in Olla, unless everything is gated
 * - `gated`: as the access rules allow; the default below `/internal`
 * - `change`: as `gated`, and the request must not come from another site's page
 * - `page`: as `gated`; a browser gets the login form if a token is configured
 */
export type AccessLevel = 'open' | 'olla' | 'gated' | 'change' | 'page'

export interface InternalAccessControl {
  readonly rules: InternalAccess
  /** Undefined if none is configured. */
  readonly token: AdminToken | undefined
  /** Compares a token from elsewhere than the `Authorization` header; wrong ones count. */
  compare(token: string, request: FastifyRequest): AccessDecision
  /**
   * Decides as for a `gated` route whether a request may change something, on routes elsewhere: never for a page of
   * another site, unless it has the token.
   */
  decideChange(request: FastifyRequest): AccessDecision
  /** Headers with which the gateway reads its own routes, for another replica that has checked the access. */
  readonly ownHeaders: Readonly<Record<string, string>>
}

declare module 'fastify' {
  interface FastifyInstance {
    internalAccess: InternalAccessControl
  }
  interface FastifyContextConfig {
    internalAccess?: AccessLevel
  }
}

const ownHeader = 'x-olla-own-request'

export default fp<InternalAccessOptions>(
  async function internalAccess(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const clock = options.clock ?? systemClock
    const { dashboard, server } = readSections(options, ['dashboard', 'server'], ['clock'])
    const { gateInternalApi: gateAll } = dashboard
    const keys = new ClientKeys(server.rateLimits.ipv6Prefix)
    const access = ({ adminToken, accessPolicy }: SectionsRead<'dashboard'>['dashboard']) => {
      const token = adminToken === undefined ? undefined : new AdminToken(adminToken)
      const tries = token === undefined ? undefined : new TokenTries(app.gatewayState.of(limitCells).store)
      return { token, rules: new InternalAccess({ ...accessPolicy, token, tries }) }
    }
    let { token, rules } = access(dashboard)
    followSections(versions, ['dashboard'], (next) => {
      const prepared = access(next.dashboard)
      return () => {
        token = prepared.token
        rules = prepared.rules
      }
    })
    const { prefix } = app
    const ownToken = randomBytes(32).toString('base64url')
    const own = new AdminToken(ownToken)
    app.decorate('internalAccess', {
      ownHeaders: { [ownHeader]: ownToken },
      get rules() {
        return rules
      },
      get token() {
        return token
      },
      compare: (shown, request) =>
        rules.compare(shown, keys.of(request.gateway.clientAddress), clock.monotonicMs()),
      decideChange,
    })

    app.addHook('onRoute', function guard(route) {
      if (!route.url.startsWith(`${prefix}/internal/`)) return
      route.bodyLimit = Math.min(route.bodyLimit ?? maxInternalBodyBytes, maxInternalBodyBytes)
      const checks = checksOf(route.config?.internalAccess ?? 'gated')
      const own = route.onRequest ?? []
      if (checks.length > 0) route.onRequest = [...checks, ...(Array.isArray(own) ? own : [own])]
    })

    function checksOf(level: AccessLevel): onRequestHookHandler[] {
      switch (level) {
        case 'open':
          return []
        case 'olla':
          return gateAll ? [gate] : []
        case 'gated':
          return [gate]
        case 'change':
          return [gate, refuseForeign]
        case 'page':
          return [showLogin, gate]
      }
    }

    function gate(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
      const decision = decide(request)
      if (decision.allowed) next()
      else refuse(request, reply, decision)
    }

    /** An allowed address belongs to the visitor, whichever page sends the request. */
    function decide(request: FastifyRequest): AccessDecision {
      const decision = ruled(request)
      if (!decision.allowed || decision.by === 'token') return decision
      const mode = single(request.headers['sec-fetch-mode'])
      return isForeignRead(originOf(request), mode) ? foreign : decision
    }

    function decideChange(request: FastifyRequest): AccessDecision {
      const decision = ruled(request)
      const isForeign = decision.allowed && decision.by === 'address' && isCrossSite(originOf(request))
      return isForeign ? foreign : decision
    }

    function ruled(request: FastifyRequest): AccessDecision {
      const { headers, socket, gateway, raw } = request
      const shown = single(headers[ownHeader])
      if (shown !== undefined && own.matches(shown)) return { allowed: true, by: 'token' }
      const accessRequest = {
        peer: socket.remoteAddress ?? '',
        client: gateway.clientAddress,
        limitKey: keys.of(gateway.clientAddress),
        host: headers.host,
        hostField: headerValue(raw.rawHeaders, 'host'),
        authorization: headers.authorization,
        cookie: headers.cookie,
      }
      return rules.decide(accessRequest, clock.nowMs(), clock.monotonicMs())
    }

    function refuse(request: FastifyRequest, reply: FastifyReply, decision: AccessRefusal): void {
      // A client's first wrong tokens are published before it gets 429.
      if (decision.status !== 429) {
        app.gatewayEvents.publish('access.refused', {
          client: request.gateway.clientAddress,
          host: request.headers.host,
          path: request.routeOptions.url ?? '',
          reason: decision.message,
        })
      }
      if (decision.status === 401) reply.header('WWW-Authenticate', 'Bearer')
      if (decision.retryAfterSeconds !== undefined) reply.header('Retry-After', decision.retryAfterSeconds)
      if (hasUnreadBody(request.raw)) reply.header('Connection', 'close')
      reply
        .code(decision.status)
        .header('X-Content-Type-Options', 'nosniff')
        .header('Cache-Control', 'no-store')
        .type('text/plain; charset=utf-8')
        .send(`${decision.message}\n`)
    }

    function showLogin(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
      const { accept, authorization } = request.headers
      // A request that carries a token gets the gate's answer.
      const wantsForm = token !== undefined && authorization === undefined && accept?.includes('text/html')
      if (wantsForm !== true || ruled(request).allowed) {
        next()
        return
      }
      reply.redirect(`${prefix}/internal/ui/login`, 303)
    }

    function refuseForeign(
      request: FastifyRequest,
      _reply: FastifyReply,
      next: (error?: Error) => void,
    ): void {
      const { headers } = request
      const marker = single(headers['x-olla-gateway'])
      // Without a configured token, a bearer token has no meaning.
      const authorization = rules.hasToken ? headers.authorization : undefined
      if (isDeliberate(originOf(request), { marker, authorization })) next()
      else {
        const message = 'Changes require the header X-Olla-Gateway, which the gateway’s own page sends.'
        next(new GatewayError('forbidden', message))
      }
    }
  },
  {
    name: 'gateway-internal-access',
    fastify: '5.x',
    dependencies: ['gateway-events', 'gateway-state', 'gateway-request-context'],
  },
)

const foreign: AccessRefusal = {
  allowed: false,
  status: 403,
  message: '403 forbidden: requested by a page of another site',
}

function originOf({ headers }: FastifyRequest) {
  return {
    secFetchSite: single(headers['sec-fetch-site']),
    origin: headers.origin,
    host: headers.host,
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
