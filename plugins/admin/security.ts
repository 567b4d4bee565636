/**
 * Enforces rate and size limits. Decorates `gatewaySecurity`, which counts refusals; depends on the event bus, the
 * shared cells and the request context. A limit that is off installs no hook. Stops its clean-up timer on close. Uses
 * if present: `configVersions`.
 */
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ClientKeys } from '../../src/admin/security/client-key.ts'
import { guardedLimitStore } from '../../src/admin/security/guarded-limit-store.ts'
import { requestHeadBytes } from '../../src/admin/security/header-size.ts'
import { limitCells, violationCells } from '../../src/admin/security/limit-cells.ts'
import type { LimitStore } from '../../src/admin/security/limit-store.ts'
import { hasLimits, RateLimiter } from '../../src/admin/security/rate-limiter.ts'
import { Violations } from '../../src/admin/security/violations.ts'
import { bodyLimitOf } from '../../src/config/file/body-limit.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

/** Reads `server.rate_limits` and `server.request_limits`. */
export interface SecurityOptions extends Sections<'server'> {
  /**
   * Where buckets are kept. Default: this process, shared by its threads. While the store throws, no client is limited.
   */
  readonly store?: LimitStore | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewaySecurity: Violations
  }
  interface FastifyContextConfig {
    /** Exempts internal routes from rate limits: a refused probe would restart a container. */
    isUnlimited?: boolean
    /** The route forwards bodies of any size without keeping them. */
    takesAnyBody?: boolean
  }
}

export default fp<SecurityOptions>(
  async function security(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { server } = readSections(options, ['server'], ['store', 'clock'])
    const clock = options.clock ?? systemClock
    const violations = new Violations(clock, app.gatewayState.of(violationCells))
    const { rateLimits, requestLimits } = server
    const keys = new ClientKeys(rateLimits.ipv6Prefix)
    const counted = new WeakSet<Error>()
    const maxBodyBytes = bodyLimitOf(requestLimits.maxBodyBytes)
    const maxHeaderBytes = Math.max(4096, requestLimits.maxHeaderBytes)
    app.decorate('gatewaySecurity', violations)

    function refuse(
      request: FastifyRequest,
      kind: 'rate' | 'body_size' | 'header_size',
      error: GatewayError,
    ): GatewayError {
      const { id, clientAddress } = request.gateway
      if (kind === 'rate') violations.rateLimited(keys.of(clientAddress))
      else violations.sizeLimited()
      counted.add(error)
      app.gatewayEvents.publish('limit.rejected', { requestId: id, kind, client: clientAddress })
      return error
    }

    limitRates()

    app.addHook('onRequest', function limitSizes(request, _reply, next) {
      const { method, url, httpVersion, rawHeaders } = request.raw
      if (requestHeadBytes(method ?? '', url ?? '', httpVersion, rawHeaders) > maxHeaderBytes) {
        next(refuse(request, 'header_size', new GatewayError('headers_too_large')))
        return
      }
      const declared = request.headers['content-length']
      const isTooLarge = declared !== undefined && Number(declared) > maxBodyBytes
      if (isTooLarge && request.routeOptions.config.takesAnyBody !== true) {
        next(refuse(request, 'body_size', new GatewayError('payload_too_large')))
        return
      }
      next()
    })
    // A body without an announced length turns out to be too large only while it is read.
    app.addHook('onError', function countChunked(request, _reply, error, next) {
      const isNew = error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' || error.code === 'payload_too_large'
      if (isNew && !counted.has(error)) refuse(request, 'body_size', new GatewayError('payload_too_large'))
      next()
    })

    function limitRates(): void {
      if (!hasLimits(rateLimits)) return
      const onError = (error: unknown) =>
        app.log.error({ err: error, part: 'limits' }, 'a hook of the host application threw')
      const store =
        options.store === undefined
          ? app.gatewayState.of(limitCells).store
          : guardedLimitStore(options.store, onError)
      let limiter = new RateLimiter(store, rateLimits)
      followSections(versions, ['server'], (next) => {
        const prepared = new RateLimiter(store, next.server.rateLimits)
        return () => {
          limiter = prepared
        }
      })
      app.addHook('onRequest', function limitRate(request, _reply, next) {
        const { routeClass, clientAddress, caller } = request.gateway
        if (routeClass === 'internal' && request.routeOptions.config.isUnlimited === true) {
          next()
          return
        }
        const decision = limiter.check(routeClass, caller ?? keys.of(clientAddress), clock.monotonicMs())
        if (decision === undefined) {
          next()
          return
        }
        const { limit, remaining, fullInMs } = decision
        addLimitHeaders(request.gateway.headers, limit, remaining, clock.nowMs() + fullInMs)
        if (decision.allowed) next()
        else {
          const retryAfterSeconds = Math.max(1, Math.ceil(decision.retryAfterMs / 1000))
          next(refuse(request, 'rate', new GatewayError('rate_limited', undefined, { retryAfterSeconds })))
        }
      })
      const intervalMs = rateLimits.cleanupIntervalMs
      if (intervalMs > 0) {
        let timer: Timer
        const clean = () => {
          limiter.clean(clock.monotonicMs())
          timer = clock.after(intervalMs, clean)
        }
        timer = clock.after(intervalMs, clean)
        app.addHook('onClose', function stop(_app, closed) {
          timer.cancel()
          closed()
        })
      }
    }
  },
  {
    name: 'gateway-security',
    fastify: '5.x',
    dependencies: ['gateway-events', 'gateway-state', 'gateway-request-context'],
  },
)

/** Adds what the bucket contains: the limit per minute, remaining requests and when it will be full. */
function addLimitHeaders(headers: string[], limit: number, remaining: number, fullAtMs: number): void {
  headers.push('X-RateLimit-Limit', String(limit))
  headers.push('X-RateLimit-Remaining', String(remaining))
  headers.push('X-RateLimit-Reset', String(Math.ceil(fullAtMs / 1000)))
}
