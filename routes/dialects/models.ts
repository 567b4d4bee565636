/**
 * Model lists, each in the format that its clients read: `/olla/models`, every provider's own lists under every prefix,
 * and `/v1/models` at the root (contract 1.3, 1.5). Ollama's own are in `ollama.ts`.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Json, ModelLists } from '../../src/dialects/contract/dialect.ts'
import { type ModelQuery, ofProvider } from '../../src/dialects/lists/list-filters.ts'
import { modelLists } from '../../src/dialects/lists/list-formats.ts'
import { modelDetail } from '../../src/dialects/lists/single-model.ts'
import { openai } from '../../src/dialects/openai/index.ts'
import type { BackendProfile } from '../../src/endpoints/profiles/profile.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import type { UnifiedModel } from '../../src/routing/models/unified-model.ts'
import { sendTagged } from '../admin/etag.ts'
import { getRoute } from '../admin/get-route.ts'
import { findModel, listedModels } from './find-model.ts'

const usualLists: ModelLists = openai.models

/** Lists that each backend type has besides `v1/models`, and their format. */
const nativeLists: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'lm-studio': { 'api/v1/models': 'openai', 'api/v0/models': 'lmstudio' },
  lemonade: { 'api/v1/models': 'lemonade' },
  'docker-model-runner': { 'engines/v1/models': 'docker-model-runner' },
}

export default fp(
  function modelRoutes(app, _options, done) {
    const mayAnswer = (slot: number) => app.endpointRegistry.mayAnswer(slot)
    const routable = (request: FastifyRequest) => listedModels(app, request, {})
    const families = app.modelDirectory.families

    const list = (
      url: string,
      format: string,
      models: (request: FastifyRequest) => readonly UnifiedModel[],
    ) => {
      const lists = modelLists(format) ?? usualLists
      getRoute(app, url, (request, reply) =>
        sendTagged(request, reply, lists.list(models(request), families)),
      )
    }

    getRoute(app, '/olla/models', (request, reply) => {
      const query = request.query as ModelQuery & { format?: string }
      const format = query.format ?? 'unified'
      const lists = modelLists(format)
      if (lists === undefined) {
        throw new GatewayError('invalid_request', `invalid query parameter format=${format}`)
      }
      const models = scopedTo(app, format, listedModels(app, request, query))
      return sendTagged(request, reply, lists.list(models, families))
    })
    getRoute(app, '/olla/models/*', (request, reply) =>
      sendTagged(request, reply, modelDetail(findModel(app, request, 2), mayAnswer)),
    )
    list('/olla/proxy/v1/models', 'openai', routable)
    // Several APIs have their list at this path.
    getRoute(app, '/v1/models', (request, reply) =>
      sendTagged(request, reply, listsFor(request).list(routable(request), families, request.query as Json)),
    )
    getRoute(app, '/v1/models/*', (request, reply) =>
      sendTagged(request, reply, listsFor(request).entry(findModel(app, request, 2), families)),
    )

    for (const [prefix, name] of app.backendProfiles.prefixes()) {
      const profile = app.backendProfiles.get(name)
      if (profile === undefined) continue
      const own = (request: FastifyRequest) => ofProvider(routable(request), profile)
      list(`/olla/${prefix}/v1/models`, providerFormat(profile), own)
      for (const [path, format] of Object.entries(nativeLists[name] ?? {}))
        list(`/olla/${prefix}/${path}`, format, own)
    }
    done()
  },
  {
    name: 'gateway-routes-models',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-backend-profiles',
      'gateway-endpoint-registry',
      'gateway-model-directory',
      'gateway-request-context',
    ],
  },
)

/** Clients of these two formats read only the models of their own backend type (contract 1.5). */
function scopedTo(app: FastifyInstance, format: string, models: UnifiedModel[]): UnifiedModel[] {
  const name = format === 'ollama' ? 'ollama' : format === 'lmstudio' ? 'lm-studio' : undefined
  const profile = name === undefined ? undefined : app.backendProfiles.get(name)
  return profile === undefined ? models : ofProvider(models, profile)
}

/** Below `/v1`, Ollama lists its models in OpenAI's format. */
function providerFormat({ name }: BackendProfile): string {
  return name === 'ollama' || modelLists(name) === undefined ? openai.name : name
}

function listsFor({ gateway }: FastifyRequest): ModelLists {
  return gateway.dialect.models ?? usualLists
}
