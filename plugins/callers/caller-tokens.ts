/**
 * Verifies tokens of an OIDC provider on this thread; the control thread fetches the provider's keys and shares them.
 * Decorates `callerTokens`; depends on the directory of callers, the event bus and the link to the other threads. The
 * app is ready once the keys were fetched, or could not be. Stops fetching on close.
 */
import fp from 'fastify-plugin'
import type { FoundExternal } from '../../src/callers/directory/external-callers.ts'
import { IssuerKeys } from '../../src/callers/tokens/issuer-keys.ts'
import { followIssuer, shareIssuer } from '../../src/callers/tokens/issuer-share.ts'
import { TokenCallers } from '../../src/callers/tokens/token-callers.ts'
import { TokenVerifier } from '../../src/callers/tokens/token-verifier.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { createUpstreamFetch } from '../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../src/endpoints/connections/pools.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `callers.jwt`. */
export interface CallerTokensOptions extends Sections<'callers'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    callerTokens: TokenCallers<FoundExternal>
  }
}

export default fp<CallerTokensOptions>(
  async function callerTokens(app, options) {
    const clock = options.clock ?? systemClock
    const { jwt } = readSections(options, ['callers'], ['clock']).callers
    const link = app.gatewayPeers
    let refetch: () => Promise<unknown> = async () => undefined
    const tokens = new TokenCallers(
      {
        directory: app.callers.directory,
        verifier: new TokenVerifier(jwt),
        refetch: async () => void (await refetch()),
      },
      jwt,
    )
    app.decorate('callerTokens', tokens)

    if (!link.isControl) {
      const mirror = followIssuer(link, jwt.fetchTimeoutMs, (state) => tokens.setState(state))
      refetch = mirror.refetch
      app.addHook('onReady', mirror.fetch)
      return
    }
    const pools = new UpstreamPools(clock)
    let wasCurrent = true
    const keys = new IssuerKeys(
      {
        clock,
        fetch: createUpstreamFetch(pools, { clock }),
        onState(state, reason) {
          tokens.setState(state)
          share(state)
          if (state.isCurrent === wasCurrent) return
          wasCurrent = state.isCurrent
          app.gatewayEvents.publish('callers.issuer', {
            state: state.isCurrent ? 'available' : 'unavailable',
            issuer: jwt.issuer,
            reason: reason ?? null,
          })
        },
      },
      jwt,
    )
    const share = shareIssuer(link, keys)
    refetch = () => keys.refetch()
    app.addHook('onReady', () => keys.start())
    app.addHook('onClose', (_app, closed) => {
      keys.stop()
      pools.close()
      closed()
    })
  },
  {
    name: 'gateway-caller-tokens',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-events', 'gateway-peers'],
  },
)
