/**
 * Verifies tokens of OIDC providers on this thread; the control thread fetches the providers' keys and shares them.
 * Decorates `callerTokens`; depends on the directory of callers, the event bus and the link to the other threads. The
 * app is ready once the keys were fetched, or could not be. Stops fetching on close.
 */
import fp from 'fastify-plugin'
import type { FoundExternal } from '../../src/callers/directory/external-callers.ts'
import { IssuerKeys } from '../../src/callers/tokens/issuer-keys.ts'
import { followIssuers, shareIssuers } from '../../src/callers/tokens/issuer-share.ts'
import { TokenCallers } from '../../src/callers/tokens/token-callers.ts'
import { TokenIssuers } from '../../src/callers/tokens/token-issuers.ts'
import { TokenVerifier } from '../../src/callers/tokens/token-verifier.ts'
import { issuerOptions } from '../../src/config/options/issuers.ts'
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
    callerTokens: TokenIssuers<FoundExternal>
  }
}

export default fp<CallerTokensOptions>(
  async function callerTokens(app, options) {
    const clock = options.clock ?? systemClock
    const issuers = issuerOptions(readSections(options, ['callers'], ['clock']).callers.jwt)
    const link = app.gatewayPeers
    let refetch: (issuer: number) => Promise<unknown> = async () => undefined
    const verified = issuers.map((issuer, index) => {
      const services = {
        directory: app.callers.directory,
        verifier: new TokenVerifier(issuer),
        refetch: async () => void (await refetch(index)),
      }
      return { issuer: issuer.issuer, callers: new TokenCallers<FoundExternal>(services, issuer) }
    })
    const [first, ...others] = verified
    if (first === undefined) throw new Error('callers.jwt names no issuer')
    app.decorate('callerTokens', new TokenIssuers(first, ...others))

    if (!link.isControl) {
      const timeouts = issuers.map(({ fetchTimeoutMs }) => fetchTimeoutMs)
      const mirror = followIssuers(link, timeouts, (index, state) => verified[index]?.callers.setState(state))
      refetch = mirror.refetch
      app.addHook('onReady', async () => {
        await Promise.all(issuers.map((_, index) => mirror.fetch(index)))
      })
      return
    }
    const pools = new UpstreamPools(clock)
    const fetch = createUpstreamFetch(pools, { clock })
    const keys = issuers.map((issuer, index) => {
      let wasCurrent = true
      return new IssuerKeys(
        {
          clock,
          fetch,
          onState(state, reason) {
            verified[index]?.callers.setState(state)
            share(index, state)
            if (state.isCurrent === wasCurrent) return
            wasCurrent = state.isCurrent
            app.gatewayEvents.publish('callers.issuer', {
              state: state.isCurrent ? 'available' : 'unavailable',
              issuer: issuer.issuer,
              reason: reason ?? null,
            })
          },
        },
        issuer,
      )
    })
    const keysOf = (index: number): IssuerKeys => {
      const found = keys[index]
      if (found === undefined) throw new RangeError(`no such issuer: ${index}`)
      return found
    }
    const share = shareIssuers(link, keysOf)
    refetch = (index) => keysOf(index).refetch()
    app.addHook('onReady', async () => {
      await Promise.all(keys.map((each) => each.start()))
    })
    app.addHook('onClose', (_app, closed) => {
      for (const each of keys) each.stop()
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
