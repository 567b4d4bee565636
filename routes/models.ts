/**
 * Model lists, each in the format its clients read: `/olla/models`, every provider's own lists under every
 * prefix, and at the root `/v1/models`, `/api/tags`, `/api/ps`, `/api/show`, `/api/version` (contract 1.3, 1.5).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../src/errors.ts'
import { anthropicModel, anthropicModelPage, type ModelPageQuery } from '../src/model/anthropic-list.ts'
import type { UnifiedModel } from '../src/model/directory.ts'
import { filterModels, type ModelQuery, ofProvider } from '../src/model/list-filters.ts'
import {
  formatModel,
  formatModelList,
  type ModelListFormat,
  modelListFormats,
} from '../src/model/list-formats.ts'
import type { BackendProfile } from '../src/model/profile.ts'
import { modelDetail, ollamaShow, runningModels } from '../src/model/single-model.ts'
import { inspectRequest, withoutBom } from '../src/request/inspect.ts'
import { compress } from './support/compression.ts'
import { sendTagged } from './support/etag.ts'
import { findModel } from './support/find-model.ts'
import { acceptBytes } from './support/request-bodies.ts'

export interface ModelRoutesOptions {
  /** Version of the gateway, for `/api/version`. */
  readonly version: string
}

/** What the gateway cannot do for a fleet, and says so (contract 1.3); managing models is refused with the proxy's routes. */
const refusals: Readonly<Record<string, string>> = {
  'api/list': 'running models list not supported in multi-instance proxy',
  'api/show': 'model show not supported in multi-instance proxy',
}

/** Lists that each kind of backend has besides `v1/models`, and their format. */
const nativeLists: Readonly<Record<string, Readonly<Record<string, ModelListFormat>>>> = {
  ollama: { 'api/tags': 'ollama' },
  'lm-studio': { 'api/v1/models': 'openai', 'api/v0/models': 'lmstudio' },
  lemonade: { 'api/v1/models': 'lemonade' },
  'docker-model-runner': { 'engines/v1/models': 'docker-model-runner' },
}

/** A question about a model is short. */
const maxBodyBytes = 1_048_576

export default fp<ModelRoutesOptions>(
  function modelRoutes(app, options, done) {
    acceptBytes(app, maxBodyBytes)
    const isRoutable = (slot: number) => app.endpointRegistry.isRoutable(slot)
    const routable = () => filterModels(app.modelDirectory.models(), {}, isRoutable)
    const families = app.modelDirectory.families

    const list = (url: string, format: ModelListFormat, models: () => readonly UnifiedModel[]) =>
      get(app, url, (request, reply) =>
        sendTagged(request, reply, formatModelList(format, models(), families)),
      )

    get(app, '/olla/models', (request, reply) => {
      const query = request.query as ModelQuery & { format?: string }
      const format = modelListFormats.find((each) => each === (query.format ?? 'unified'))
      if (format === undefined) {
        throw new GatewayError('invalid_request', `invalid query parameter format=${query.format ?? ''}`)
      }
      const models = scopedTo(app, format, filterModels(app.modelDirectory.models(), query, isRoutable))
      return sendTagged(request, reply, formatModelList(format, models, families))
    })
    get(app, '/olla/models/*', (request, reply) =>
      sendTagged(request, reply, modelDetail(findModel(app, request, 2), isRoutable)),
    )
    list('/olla/proxy/v1/models', 'openai', routable)
    // Both APIs have their list here; Anthropic's clients name its version.
    get(app, '/v1/models', (request, reply) => {
      if (isAnthropicClient(request)) {
        return sendTagged(request, reply, anthropicModelPage(routable(), request.query as ModelPageQuery))
      }
      return sendTagged(request, reply, formatModelList('openai', routable(), families))
    })
    get(app, '/v1/models/*', (request, reply) => {
      const model = findModel(app, request, 2)
      const entry = isAnthropicClient(request)
        ? anthropicModel(model)
        : formatModel('openai', model, families)
      return sendTagged(request, reply, entry)
    })
    list('/api/tags', 'ollama', routable)

    for (const [prefix, name] of app.backendProfiles.prefixes()) {
      const profile = app.backendProfiles.get(name)
      if (profile === undefined) continue
      const own = () => ofProvider(routable(), profile)
      list(`/olla/${prefix}/v1/models`, providerFormat(profile), own)
      for (const [path, format] of Object.entries(nativeLists[name] ?? {}))
        list(`/olla/${prefix}/${path}`, format, own)
      if (name !== 'ollama') continue
      get(app, `/olla/${prefix}/api/ps`, (request, reply) =>
        sendTagged(request, reply, runningModels(own(), families)),
      )
      for (const [path, message] of Object.entries(refusals)) refuse(app, `/olla/${prefix}/${path}`, message)
    }
    get(app, '/api/ps', (request, reply) => sendTagged(request, reply, runningModels(routable(), families)))
    get(app, '/api/version', () => ({ version: options.version }))
    app.post('/api/show', (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? withoutBom(request.body) : null
      const { model: asked } = inspectRequest(body, request.headers['content-type'], '/api/show')
      const model = asked === undefined ? undefined : app.modelDirectory.find(asked)
      if (model === undefined) throw new GatewayError('model_not_found', `model '${asked ?? ''}' not found`)
      return sendTagged(request, reply, ollamaShow(model, families))
    })
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

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

function get(app: FastifyInstance, url: string, handler: Handler): void {
  app.route({ method: ['GET', 'HEAD'], url, exposeHeadRoute: false, onSend: compress, handler })
}

/** Before the body is read: whatever it is, the answer is the same. */
function refuse(app: FastifyInstance, url: string, message: string): void {
  app.route({
    method: app.supportedMethods,
    url,
    exposeHeadRoute: false,
    onRequest: (_request, _reply, next) => next(new GatewayError('not_supported', message)),
    handler: () => undefined,
  })
}

/** Clients of these two read nothing but their own backend's models (contract 1.5). */
function scopedTo(app: FastifyInstance, format: ModelListFormat, models: UnifiedModel[]): UnifiedModel[] {
  const name = format === 'ollama' ? 'ollama' : format === 'lmstudio' ? 'lm-studio' : undefined
  const profile = name === undefined ? undefined : app.backendProfiles.get(name)
  return profile === undefined ? models : ofProvider(models, profile)
}

function providerFormat(profile: BackendProfile): ModelListFormat {
  const same = modelListFormats.find((format) => format === profile.name)
  return same === undefined || same === 'ollama' ? 'openai' : same
}

function isAnthropicClient({ headers }: FastifyRequest): boolean {
  return headers['anthropic-version'] !== undefined
}
