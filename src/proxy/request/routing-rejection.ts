import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { GatewayError } from '../../kernel/errors.ts'
import type { PathKnowledge } from '../../routing/models/path-knowledge.ts'
import { rejectionError } from '../../routing/models/rejection.ts'
import type { ModelRouter } from '../../routing/models/router.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'

export interface RejectionServices {
  readonly registry: Pick<EndpointRegistry, 'snapshot'>
  readonly router: Pick<ModelRouter, 'isListed'>
  readonly load: Pick<LiveLoad, 'retryAfterSeconds'>
  readonly paths: Pick<PathKnowledge, 'errorMessageOf'>
}

/** The error for a request that no endpoint may serve. */
export function routingRejection(
  { registry, router, load, paths }: RejectionServices,
  routing: RoutingOutcome,
  path: string,
  provider: BackendProfile | undefined,
  model: string | undefined,
): GatewayError {
  const endpoints = registry.snapshot.endpoints.map((endpoint) => ({ endpoint }))
  return rejectionError(routing, {
    model,
    provider: provider?.name,
    path,
    isElsewhere: provider !== undefined && router.isListed(model),
    retryAfterSeconds: load.retryAfterSeconds(endpoints),
    errorMessageOf: ({ slot }) => paths.errorMessageOf(slot, path),
  })
}
