/**
 * `POST /internal/explain`: where a request would go and why, without sending it and without advancing the selector.
 * The body is the request's own, or `{ "path", "headers", "body" }`. Uses if present: `configVersions`,
 * `engineSignals`, `hedging`, `messageTranslator`, `translation`, `upstreamStreams`.
 */
import fp from 'fastify-plugin'
import { maxInternalBodyBytes } from '../../src/admin/security/internal-access.ts'
import { hasPriorityTiers } from '../../src/config/options/derived.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { isTranslatedPath } from '../../src/dialects/all.ts'
import { readExplainRequest } from '../../src/dialects/requests/explained-request.ts'
import { inspectRequest, withoutBom } from '../../src/dialects/requests/inspect.ts'
import { managesEndpoint, operationOf } from '../../src/dialects/requests/operation.ts'
import { managementTargets } from '../../src/endpoints/registry/management-targets.ts'
import { explain } from '../../src/observe/explain/explain.ts'
import { explainManagement } from '../../src/observe/explain/explain-management.ts'
import { ExplanationSchema } from '../../src/observe/explain/explanation.ts'
import { engineView } from '../../src/observe/views/engine.ts'
import { isStreamedAt } from '../../src/proxy/request/streamed-request.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'
import { acceptBytes } from '../http/request-bodies.ts'
import { engineSource } from './engine-source.ts'

export type ExplainOptions = Sections<'proxy'>

export default fp<ExplainOptions>(
  async function internalExplain(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { proxy } = readSections(options, ['proxy'])
    let { warmMargin } = proxy
    let tiers = hasPriorityTiers(proxy)
    followSections(versions, ['proxy'], (next) => () => {
      warmMargin = next.proxy.warmMargin
      tiers = hasPriorityTiers(next.proxy)
    })
    const streams = app.hasDecorator('upstreamStreams') ? app.upstreamStreams : undefined
    const translation = app.hasDecorator('translation') ? app.translation : undefined
    const hedging = app.hasDecorator('hedging') ? app.hedging : undefined
    // Keeps the exact bytes: session keys are derived from them.
    acceptBytes(app, maxInternalBodyBytes)
    const schema = { response: { 200: ExplanationSchema } }
    app.post('/internal/explain', { config: { internalAccess: 'gated' }, schema }, (request) => {
      const received = Buffer.isBuffer(request.body) ? withoutBom(request.body) : Buffer.alloc(0)
      const explained = readExplainRequest(received, request.raw.rawHeaders)
      const path = explained.path.startsWith(`${app.prefix}/`)
        ? explained.path.slice(app.prefix.length)
        : explained.path
      const prefix = /^\/olla\/([^/]+)/.exec(path)?.[1]
      const profile =
        prefix === undefined ? undefined : app.backendProfiles.prefixes().get(prefix.toLowerCase())
      const target = prefix === undefined ? path : path.slice(`/olla/${prefix}`.length)
      const inspection = inspectRequest(explained.body, 'application/json', target)
      const { model, needs } = inspection
      const operation = operationOf(target)
      if (managesEndpoint('POST', operation)) {
        const targets =
          operation.managementMessage === undefined
            ? []
            : managementTargets(app.endpointRegistry.snapshot.endpoints, proxy.managementEndpoints)
        if (targets.length > 0 || !proxy.management) {
          return explainManagement(model, targets, {
            load: app.endpointLoad,
            breakers: app.circuitBreakers,
            selector: app.endpointSelector,
          })
        }
      }
      const client = translation?.formatOf(target)
      const routingRequest = {
        model,
        provider: profile === undefined ? undefined : app.backendProfiles.get(profile),
        path: target,
        isTranslatable: app.hasDecorator('messageTranslator') && isTranslatedPath(target),
        translates: client?.translates,
        dryRun: true,
      }
      const routed = app.modelRouter.route({ ...routingRequest, needs })
      const outcome = app.storedResponses.placed(routed, target, explained.body)
      const { caller, clientAddress } = request.gateway
      const estimator = app.latencyEstimator.current
      const features = estimator?.features.read(explained.body, target, model)
      const { sessionAffinity: sessions } = app
      return explain(
        {
          model,
          outcome,
          serving: app.modelRouter.route(routingRequest).candidates,
          wouldRefresh: app.modelRouter.wantsRefresh(outcome),
          sessionKey: sessions?.readKey({ ...explained, path: target, model, caller, clientAddress }),
          features,
        },
        {
          load: app.endpointLoad,
          breakers: app.circuitBreakers,
          selector: app.endpointSelector,
          affinity: sessions?.affinity,
          tiers,
          warmMargin,
          estimateOf:
            estimator === undefined ? undefined : (candidate) => estimator.estimateFor(features, candidate),
          hedgingOf: hedging?.current?.outlook.bind(hedging.current),
          engineOf: (endpoint) => engineView(engineSource(app, endpoint)),
          isStreamedAt:
            streams === undefined
              ? undefined
              : (candidate) => {
                  const sentPath =
                    (client === undefined ? undefined : translation?.sentPath(client, candidate)) ?? target
                  const { body } = explained
                  return isStreamedAt(
                    streams,
                    { method: 'POST', path: target, body, inspection },
                    sentPath,
                    candidate,
                  )
                },
          translationOf:
            client === undefined || translation === undefined
              ? undefined
              : (candidate) => translation.applied(client, candidate),
        },
      )
    })
  },
  {
    name: 'gateway-routes-internal-explain',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-request-context',
      'gateway-internal-access',
      'gateway-circuit-breaker',
      'gateway-model-routing',
      'gateway-endpoint-selector',
      'gateway-session-affinity',
      'gateway-buffer-budget',
      'gateway-backend-profiles',
      'gateway-endpoint-registry',
      'gateway-model-discovery',
    ],
  },
)
