/**
 * The routes that lead to endpoints: `/olla/proxy/*`, `/olla/<prefix>/*` for every backend profile, and at the root
 * `/v1/*` and `/api/*`, the default paths of OpenAI and Ollama clients, and those of rankings. Uses if present:
 * `translation`, `responseRequests`, `tokenCounter`, `callerMeter`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { bodyLimitOf } from '../../src/config/file/body-limit.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import type { ResponseRequests } from '../../src/dialects/openai/responses/response-requests.ts'
import { inspectRequest, inspectUpload, withoutBom } from '../../src/dialects/requests/inspect.ts'
import { managementRefusal } from '../../src/dialects/requests/management-refusal.ts'
import { methodRefusal } from '../../src/dialects/requests/method-refusal.ts'
import type { Translations } from '../../src/dialects/translate/request-translation.ts'
import type { BackendProfile } from '../../src/endpoints/profiles/profile.ts'
import { isSafePath } from '../../src/endpoints/registry/upstream-path.ts'
import { Upload } from '../../src/http/body/upload.ts'
import { countSegments, type TargetPath, targetPath } from '../../src/http/request/target-path.ts'
import type { GatewayError } from '../../src/kernel/errors.ts'
import type { DispatchedRequest, ReadRequest } from '../../src/proxy/dispatch.ts'
import { usageRequestVariant } from '../../src/proxy/usage/usage-variant.ts'
import { acceptBytes, acceptUploads } from '../http/request-bodies.ts'
import { handleResponses, mayConcernState } from './responses.ts'

export type ProxyRoutesOptions = Sections<'proxy' | 'server' | 'model_registry'>

/** Where clients of Cohere, vLLM and Text Embeddings Inference expect their routes. */
const rootPaths = ['/rerank', '/reranking', '/score', '/v2/rerank'] as const

interface ReadSettings {
  /** Requests the usage of streams if the client does not. */
  readonly requestsUsage: boolean
  /** Answers get the requested model name. */
  readonly renameAnswers: boolean
  /** Undefined if the gateway does not translate. */
  readonly translation: Pick<Translations, 'formatOf'> | undefined
  /** Undefined if the gateway stores no responses. */
  readonly responses: ResponseRequests | undefined
  /** Operations that manage endpoints are forwarded. */
  readonly allowsManagement: boolean
}

interface Mount {
  /** Route prefix below the gateway's own, without a trailing slash. */
  readonly prefix: string
  /** Number of leading segments that are not part of the endpoint's path. */
  readonly stripped: number
  /** The profile that the prefix is bound to. */
  readonly provider: BackendProfile | undefined
}

export default fp<ProxyRoutesOptions>(
  async function proxyRoutes(app, options) {
    const { proxy, server, modelRegistry } = readSections(options, ['proxy', 'server', 'model_registry'])
    const limitBytes = bodyLimitOf(server.requestLimits.maxBodyBytes)
    const settings: ReadSettings = {
      requestsUsage: proxy.usage === 'ask',
      renameAnswers: modelRegistry.rewriteResponseModel,
      translation: app.hasDecorator('translation') ? app.translation : undefined,
      responses: app.hasDecorator('responseRequests') ? app.responseRequests : undefined,
      allowsManagement: proxy.management,
    }
    acceptBytes(app, limitBytes)
    acceptUploads(app, limitBytes)
    const base = countSegments(app.prefix)
    mount(app, settings, { prefix: '/olla/proxy', stripped: base + 2, provider: undefined })
    for (const [prefix, profile] of app.backendProfiles.prefixes()) {
      mount(app, settings, {
        prefix: `/olla/${prefix}`,
        stripped: base + 2,
        provider: app.backendProfiles.get(profile),
      })
    }
    mount(app, settings, { prefix: '/v1', stripped: base, provider: undefined })
    mount(app, settings, { prefix: '/api', stripped: base, provider: undefined })
    for (const url of rootPaths)
      serve(app, settings, { prefix: url, stripped: base, provider: undefined }, url)
  },
  {
    name: 'gateway-routes-proxy',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-buffer-budget',
      'gateway-backend-profiles',
      'gateway-endpoint-registry',
      'gateway-request-context',
      'gateway-model-routing',
      'gateway-dispatch',
    ],
  },
)

function mount(app: FastifyInstance, settings: ReadSettings, mountPoint: Mount): void {
  serve(app, settings, mountPoint, `${mountPoint.prefix}/*`)
  if (mountPoint.prefix.startsWith('/olla/')) {
    app.get(mountPoint.prefix, (request, reply) => {
      const mark = request.url.indexOf('?')
      const path = mark < 0 ? request.url : request.url.slice(0, mark)
      return reply.redirect(`${path}/${mark < 0 ? '' : request.url.slice(mark)}`, 301)
    })
  }
}

function serve(app: FastifyInstance, settings: ReadSettings, mountPoint: Mount, url: string): void {
  app.route({
    method: app.supportedMethods,
    url,
    // Runs before the body is read: the answer does not depend on it.
    onRequest: (request, _reply, next) => next(refusal(settings, mountPoint, request)),
    handler: (request: FastifyRequest, reply: FastifyReply) =>
      handle(app, settings, mountPoint, request, reply),
    exposeHeadRoute: false,
  })
}

/** Why a request goes to no endpoint, whatever its body contains. */
function refusal(
  { allowsManagement }: ReadSettings,
  { stripped }: Mount,
  { method, raw }: FastifyRequest,
): GatewayError | undefined {
  const { path } = targetPath(raw.url ?? '/', stripped)
  const found =
    (allowsManagement ? undefined : managementRefusal(method, path)) ?? methodRefusal(method, path)
  // An unsafe path is refused as such later.
  return found === undefined || isSafePath(path) ? found : undefined
}

function handle(
  app: FastifyInstance,
  settings: ReadSettings,
  { stripped, provider }: Mount,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const target = targetPath(request.raw.url ?? '/', stripped)
  const read = readRequest(settings, request, request.body, reply, target, provider)
  const { responses } = settings
  if (responses === undefined || !mayConcernState(target.path)) app.dispatch(read, request, reply)
  else {
    const readBody = (body: Buffer, as: DispatchedRequest = request, path = target.path) =>
      readRequest(settings, as, body, reply, path === target.path ? target : { path, query: '' }, provider)
    handleResponses(app, responses, { read, readBody, request, reply })
  }
}

function readRequest(
  settings: ReadSettings,
  request: DispatchedRequest,
  received: unknown,
  reply: FastifyReply,
  target: TargetPath,
  provider: BackendProfile | undefined,
): ReadRequest {
  if (received instanceof Upload) {
    if (reply.raw.destroyed) void received.dispose()
    else reply.raw.once('close', () => void received.dispose())
    const inspection = inspectUpload(received.model, target.query)
    return { provider, target, body: received, bodyBytes: received.bytes, inspection }
  }
  const sent = Buffer.isBuffer(received) && received.length > 0 ? withoutBom(received) : null
  const parameters = request.gateway.identity?.parameters
  const body = parameters === undefined || sent === null ? sent : parameters.apply(sent, target.path)
  const inspection = inspectRequest(body, request.headers['content-type'], target.path, target.query)
  const { modelSpan, usageEdit: edit } = inspection
  const client = request.method === 'POST' ? settings.translation?.formatOf(target.path) : undefined
  const read = { provider, target, body, bodyBytes: body?.length ?? 0, inspection, client }
  if (!settings.requestsUsage || body === null || edit === undefined) return read
  if (inspection.modelPlace !== undefined) return read
  const { path, query } = target
  const { renameAnswers } = settings
  const stream = { context: request.gateway, path, query, body, modelSpan, edit, renameAnswers }
  return { ...read, extra: { variant: usageRequestVariant(stream) } }
}
