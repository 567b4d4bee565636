import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { withAccess } from '../../routing/models/access.ts'
import type { ModelRouter } from '../../routing/models/router.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'
import { ownerOf } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { StoredResponses } from './stored-responses.ts'

export interface ReroutingServices {
  readonly registry: Pick<EndpointRegistry, 'snapshot'>
  readonly router: Pick<ModelRouter, 'route'>
  /** Undefined if no endpoint stores responses. */
  readonly stored: Pick<StoredResponses, 'placed'> | undefined
}

/** Routes requests again that wait while endpoints come and go. */
export interface Rerouting {
  /** Number of the present set of endpoints. */
  readonly version: number
  /** @returns undefined if no endpoint may serve the request any more */
  route(request: ExchangeRequest): RoutingOutcome | undefined
}

export function createRerouting({ registry, router, stored }: ReroutingServices): Rerouting {
  return {
    get version() {
      return registry.snapshot.version
    },
    route({ context, path, body, routed, isTranslatedAsNeeded }) {
      if (routed === undefined) return undefined
      // Its forms were made for the endpoints of the first outcome.
      const again = isTranslatedAsNeeded === true ? routed : { ...routed, translates: undefined }
      const sent = Buffer.isBuffer(body) ? body : undefined
      try {
        const found = router.route(again)
        const placed = stored?.placed(found, path, sent, ownerOf(context)) ?? found
        const access = context.identity?.access
        const outcome = access === undefined ? placed : withAccess(placed, access)
        return outcome.tiers.length === 0 ? undefined : outcome
      } catch (error) {
        if (error instanceof GatewayError) return undefined
        throw error
      }
    },
  }
}
