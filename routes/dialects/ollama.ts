/**
 * The part of Ollama's API that the gateway answers itself, at the root, where `OLLAMA_HOST` points, and under the
 * prefix of Ollama endpoints: lists, `/api/show`, `/api/version`. All other paths are routed to endpoints. Uses if
 * present: `translation`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { ofProvider } from '../../src/dialects/lists/list-filters.ts'
import { ollamaLists, ollamaShow, runningModels } from '../../src/dialects/ollama/model-list.ts'
import { fetchModelDetails, readShowRequest, showPath } from '../../src/dialects/ollama/show-model.ts'
import { fleetVersion, type Serves, usableByOllamaClients } from '../../src/dialects/ollama/usable-models.ts'
import type { UpstreamFetch } from '../../src/endpoints/connections/fetch.ts'
import type { BackendProfile } from '../../src/endpoints/profiles/profile.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import type { ModelSource, UnifiedModel } from '../../src/routing/models/unified-model.ts'
import { sendTagged } from '../admin/etag.ts'
import { getRoute } from '../admin/get-route.ts'
import { acceptBytes } from '../http/request-bodies.ts'
import { listedModels, usableModel } from './find-model.ts'

const maxShowBytes = 1_048_576
/** Maximum wait for a refresh of the endpoints' model lists. */
const lookMs = 2_000

export default fp(
  function ollamaRoutes(app, _options, done) {
    // Ollama reads JSON under any content type: its documented `curl -d` commands set none.
    acceptBytes(app, maxShowBytes)
    const face: OllamaFace = {
      isRoutable: (slot) => app.endpointRegistry.mayAnswer(slot),
      serves: (endpoint, path) => app.pathKnowledge.serves(endpoint, path),
      fetch: app.upstreamFetch,
    }
    const profile = app.backendProfiles.get('ollama')
    const translation = app.hasDecorator('translation') ? app.translation : undefined
    const reaches: Serves = (endpoint, path) =>
      face.serves(endpoint, path) === true || translation?.reaches(endpoint, path) === true
    const usable = (request: FastifyRequest) => usableByOllamaClients(listedModels(app, request, {}), reaches)

    mountLists(app, '/api', usable)
    app.post(showPath, (request, reply) => show(app, face, undefined, request, reply))
    getRoute(app, '/api/version', () => ({ version: versionOf(app, face) }))

    if (profile !== undefined) {
      for (const [prefix, name] of app.backendProfiles.prefixes()) {
        if (name !== profile.name) continue
        const base = `/olla/${prefix}`
        mountLists(app, `${base}/api`, (request) => ofProvider(listedModels(app, request, {}), profile))
        refuse(app, `${base}/api/list`, 'running models list not supported in multi-instance proxy')
        app.post(`${base}${showPath}`, (request, reply) => show(app, face, profile, request, reply))
      }
    }
    done()
  },
  {
    name: 'gateway-routes-ollama',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-buffer-budget',
      'gateway-backend-profiles',
      'gateway-endpoint-registry',
      'gateway-endpoint-selector',
      'gateway-model-directory',
      'gateway-model-discovery',
      'gateway-model-routing',
      'gateway-request-context',
      'gateway-upstream-pools',
    ],
  },
)

interface OllamaFace {
  readonly isRoutable: (slot: number) => boolean
  readonly serves: Serves
  readonly fetch: UpstreamFetch
}

function mountLists(
  app: FastifyInstance,
  base: string,
  models: (request: FastifyRequest) => readonly UnifiedModel[],
): void {
  const { families } = app.modelDirectory
  getRoute(app, `${base}/tags`, (request, reply) =>
    sendTagged(request, reply, ollamaLists.list(models(request), families)),
  )
  getRoute(app, `${base}/ps`, (request, reply) =>
    sendTagged(request, reply, runningModels(models(request), families, systemClock.nowMs())),
  )
}

/** @param profile profile whose endpoints may answer; undefined for all that have the route */
async function show(
  app: FastifyInstance,
  face: OllamaFace,
  profile: BackendProfile | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const asked = readShowRequest(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0))
  const model = await findModel(app, profile, request, asked.name)
  const sources = model.sources.filter(
    ({ endpoint }) => face.isRoutable(endpoint.slot) && face.serves(endpoint, showPath) === true,
  )
  // Endpoints that would accept a request now are first; the others may answer as well.
  const isBusy = ({ endpoint, nativeName }: ModelSource) =>
    Number(!app.endpointLoad.admits({ endpoint, nativeModel: nativeName }))
  sources.sort((a, b) => isBusy(a) - isBusy(b))
  const shown = await fetchModelDetails(face.fetch, asked, sources)
  if (shown === undefined) return sendTagged(request, reply, ollamaShow(model, app.modelDirectory.families))
  reply.header('X-Olla-Endpoint', encodeURIComponent(shown.endpoint.name))
  return reply.type('application/json; charset=utf-8').send(shown.body)
}

/**
 * Finds a model by name. An unknown one may be new: the CLI shows a model right after creating it.
 * @throws GatewayError model_not_found; model_unavailable if an endpoint has not listed its models yet
 */
async function findModel(
  app: FastifyInstance,
  provider: BackendProfile | undefined,
  request: FastifyRequest,
  name: string,
): Promise<UnifiedModel> {
  if (request.gateway.identity?.access?.allowsModel(name) === false)
    throw new GatewayError('model_not_allowed')
  const find = () => {
    const found = usableModel(app, request, name)
    return found === undefined || provider === undefined ? found : ofProvider([found], provider)[0]
  }
  const known = find()
  if (known !== undefined) return known
  await app.modelLookup.forUnknown(lookMs)
  const fresh = find()
  if (fresh !== undefined) return fresh
  const { status } = app.modelRouter.route({ model: name, provider, path: showPath, dryRun: true })
  if (status !== 503) throw new GatewayError('model_not_found', `model '${name}' not found`)
  throw new GatewayError(
    'model_unavailable',
    `No endpoint is known to have the model '${name}', and not all have listed their models yet.`,
    { retryAfterSeconds: 2 },
  )
}

/** The version of the Ollama servers that requests may go to. */
function versionOf(app: FastifyInstance, face: OllamaFace): string {
  const lists = app.modelCatalog.snapshot.byEndpoint
  const versions = app.endpointRegistry.snapshot.endpoints.map(({ slot, profile }) =>
    profile?.version?.path === '/api/version' && face.isRoutable(slot)
      ? lists.get(slot)?.serverVersion
      : undefined,
  )
  return fleetVersion(versions)
}

/** Refuses before the body is read: the answer does not depend on it. */
function refuse(app: FastifyInstance, url: string, message: string): void {
  app.route({
    method: app.supportedMethods,
    url,
    exposeHeadRoute: false,
    onRequest: (_request, _reply, next) => next(new GatewayError('not_supported', message)),
    handler: () => undefined,
  })
}
