/**
 * `POST /internal/explain`: where a request would go and why, without sending it. The body is the request's
 * own, or `{ "path", "headers", "body" }`.
 */
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import fp from 'fastify-plugin'
import type { RoutedEndpoint } from '../src/model/router.ts'
import { inspectRequest } from '../src/request/inspect.ts'
import { explain } from '../src/selection/explain.ts'
import { connectionCost } from '../src/selection/strategies.ts'

export interface ExplainOptions {
  /** Whether lower priorities wait for higher ones. Default true. */
  readonly priorityTiers?: boolean
}

const EnvelopeSchema = Type.Object({
  path: Type.Optional(Type.String()),
  headers: Type.Optional(Type.Record(Type.String(), Type.String())),
  body: Type.Object({}),
})

export default fp<ExplainOptions>(
  function internalExplain(app, options, done) {
    app.post('/internal/explain', (request) => {
      const { path, body } = readEnvelope(request.body)
      const bytes = Buffer.from(JSON.stringify(body ?? {}))
      const prefix = /^\/olla\/([^/]+)/.exec(path)?.[1]
      const profile =
        prefix === undefined ? undefined : app.backendProfiles.prefixes().get(prefix.toLowerCase())
      const target = prefix === undefined ? path : path.slice(`/olla/${prefix}`.length)
      const { model, needs } = inspectRequest(bytes, 'application/json', target)
      const outcome = app.modelRouter.route({
        model,
        provider: profile === undefined ? undefined : app.backendProfiles.get(profile),
        path: target,
        needs,
      })
      // The selector's own turn must not move because somebody asked.
      const chosen = cheapest(outcome.candidates)
      return explain(
        { model, balancer: app.endpointSelector.strategy, tiers: options.priorityTiers ?? true },
        outcome,
        chosen,
        { load: app.endpointLoad, breakers: app.circuitBreakers },
      )
    })
    done()

    function cheapest(candidates: readonly RoutedEndpoint[]): RoutedEndpoint | undefined {
      const load = app.endpointLoad
      const able = candidates.filter(({ endpoint }) => load.admits(endpoint))
      const tiers = options.priorityTiers ?? true
      return able.sort(
        (a, b) =>
          (tiers ? b.endpoint.priority - a.endpoint.priority : 0) ||
          warmth(b) - warmth(a) ||
          connectionCost(a.endpoint, load) - connectionCost(b.endpoint, load),
      )[0]
    }
  },
  {
    name: 'gateway-routes-internal-explain',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-model-routing', 'gateway-endpoint-selector', 'gateway-backend-profiles'],
  },
)

function warmth({ isWarm }: RoutedEndpoint): number {
  return isWarm === false ? 0 : 1
}

type Envelope = Static<typeof EnvelopeSchema>

function readEnvelope(value: unknown): { path: string; body: unknown } {
  if (!Value.Check(EnvelopeSchema, value)) return { path: '/v1/chat/completions', body: value }
  const envelope: Envelope = value
  return { path: envelope.path ?? '/v1/chat/completions', body: envelope.body }
}
