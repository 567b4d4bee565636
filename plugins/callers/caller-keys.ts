/**
 * Requires a key of every client, or another proof of who it is, and names the caller of a request by it. Decorates
 * nothing, sets `request.gateway.identity` and `caller`. Depends on the directory of callers, the shared cells and the
 * request context. Uses if present: `callerTokens`. Needs no cleanup on close.
 */
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ClientKeys } from '../../src/admin/security/client-key.ts'
import { limitCells } from '../../src/admin/security/limit-cells.ts'
import { authenticate, checkEntry, type WrongKeyTries } from '../../src/callers/directory/authenticate.ts'
import type { KnownCaller } from '../../src/callers/directory/known-caller.ts'
import { RecentCallers } from '../../src/callers/directory/recent-callers.ts'
import { TrustedHeader, type TrustedHeaderOptions } from '../../src/callers/identity/trusted-header.ts'
import { ConnectionHashes } from '../../src/callers/keys/connection-hashes.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { withoutKeys } from '../../src/kernel/names/key-like.ts'
import type { RequestContext } from '../../src/proxy/contract/context.ts'

/** Reads `callers.wrong_keys_per_minute` and `trusted_header`, and `server.rate_limits.ipv6_prefix` for its addresses. */
export interface CallerKeysOptions extends Sections<'callers' | 'server'> {
  readonly clock?: Clock
}

export default fp<CallerKeysOptions>(
  async function callerKeys(app, options) {
    const clock = options.clock ?? systemClock
    const { callers, server } = readSections(options, ['callers', 'server'], ['clock'])
    const { directory, hasher, isCurrent } = app.callers
    const addresses = new ClientKeys(server.rateLimits.ipv6Prefix)
    const recent = new RecentCallers(() => clock.nowMs())
    const services = {
      directory,
      recent,
      hashes: new ConnectionHashes(hasher),
      isCurrent,
      tries: triesOf(callers.wrongKeysPerMinute),
      tokens: app.hasDecorator('callerTokens') ? app.callerTokens : undefined,
      trustedHeader: trustedHeaderOf(callers.trustedHeader),
    }
    const prefixLength = app.prefix.length

    function triesOf(perMinute: number): WrongKeyTries | undefined {
      if (perMinute === 0) return undefined
      const { store } = app.gatewayState.of(limitCells)
      const limit = { perMinute, burst: perMinute }
      return {
        take(client, nowMs) {
          const { allowed, retryAfterMs } = store.take(`wrong key ${addresses.of(client)}`, limit, nowMs)
          return allowed ? 0 : Math.max(1, retryAfterMs)
        },
      }
    }

    function callerOf({ headers, gateway, socket, raw }: FastifyRequest): KnownCaller | Promise<KnownCaller> {
      return authenticate(services, {
        headers,
        rawHeaders: raw.rawHeaders,
        connection: socket,
        peer: socket.remoteAddress ?? '',
        client: gateway.clientAddress,
        named: gateway.caller,
        nowMs: clock.nowMs(),
        monotonicMs: clock.monotonicMs(),
      })
    }

    function enter(gateway: RequestContext, caller: KnownCaller): void {
      gateway.identity = caller
      gateway.caller = caller.keyName
      if (caller.entry.length === 0) return
      checkEntry(caller, {
        dialect: gateway.dialect.name,
        path: pathOf(gateway.url).slice(prefixLength),
        clientAddress: gateway.clientAddress,
      })
    }

    app.addHook('onRequest', function requireKey(request, _reply, next) {
      const { gateway } = request
      if (gateway.routeClass === 'internal') {
        next()
        return
      }
      const url = withoutKeys(gateway.url)
      if (url !== gateway.url) {
        // It would go on to an endpoint, and into the logs of every proxy.
        gateway.url = url
        next(new GatewayError('invalid_request', 'The URL contains an API key: send it in a header.'))
        return
      }
      try {
        if (services.trustedHeader !== undefined) {
          gateway.identityHeaders = services.trustedHeader.forwarded({
            rawHeaders: request.raw.rawHeaders,
            peer: request.socket.remoteAddress ?? '',
          })
        }
        const { headers, socket } = request.raw
        const caller = recent.find(socket, headers, directory.version) ?? callerOf(request)
        if (caller instanceof Promise) {
          caller.then((found) => enter(gateway, found)).then(() => next(), next)
          return
        }
        enter(gateway, caller)
        next()
      } catch (error) {
        next(error instanceof Error ? error : new Error(String(error)))
      }
    })
  },
  {
    name: 'gateway-caller-keys',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-state', 'gateway-request-context', 'gateway-caller'],
  },
)

function trustedHeaderOf(options: TrustedHeaderOptions): TrustedHeader | undefined {
  return options.networks.length === 0 ? undefined : new TrustedHeader(options)
}

function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}
