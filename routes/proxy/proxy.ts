/**
 * The routes that lead to endpoints: `/olla/proxy/*`, `/olla/<prefix>/*` for every backend profile, and at the
 * root `/v1/*` and `/api/*`, where OpenAI and Ollama clients look by themselves.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { inspectRequest, inspectUpload, withoutBom } from '../../src/dialects/requests/inspect.ts'
import { managementRefusal } from '../../src/dialects/requests/management-refusal.ts'
import { methodRefusal } from '../../src/dialects/requests/method-refusal.ts'
import type { BackendProfile } from '../../src/endpoints/profiles/profile.ts'
import { isSafePath } from '../../src/endpoints/registry/upstream-path.ts'
import { Upload } from '../../src/http/body/upload.ts'
import { countSegments, type TargetPath, targetPath } from '../../src/http/request/target-path.ts'
import type { GatewayError } from '../../src/kernel/errors.ts'
import type { ReadRequest } from '../../src/proxy/dispatch.ts'
import { askingVariant } from '../../src/proxy/usage/usage-variant.ts'
import { acceptBytes, acceptUploads } from '../http/request-bodies.ts'

export interface ProxyRoutesOptions {
  /** Largest request body in bytes. Default 104,857,600. */
  readonly bodyLimitBytes?: number
  /** Streams are asked for their usage where clients do not ask. Default false. */
  readonly asksUsage?: boolean
  /** Answers get the model name that was asked for. Default true. */
  readonly renameAnswers?: boolean
  /** Operations that manage endpoints are passed on. Default false. */
  readonly allowsManagement?: boolean
}

interface Mount {
  /** Route prefix below the gateway's own, without a trailing slash. */
  readonly prefix: string
  /** Leading segments that are not part of the endpoint's path. */
  readonly stripped: number
  /** The profile that the prefix is bound to. */
  readonly provider: BackendProfile | undefined
}

export default fp<ProxyRoutesOptions>(
  function proxyRoutes(app, options, done) {
    const limitBytes = options.bodyLimitBytes ?? 104_857_600
    acceptBytes(app, limitBytes)
    acceptUploads(app, limitBytes)
    const base = countSegments(app.prefix)
    mount(app, options, { prefix: '/olla/proxy', stripped: base + 2, provider: undefined })
    for (const [prefix, profile] of app.backendProfiles.prefixes()) {
      mount(app, options, {
        prefix: `/olla/${prefix}`,
        stripped: base + 2,
        provider: app.backendProfiles.get(profile),
      })
    }
    mount(app, options, { prefix: '/v1', stripped: base, provider: undefined })
    mount(app, options, { prefix: '/api', stripped: base, provider: undefined })
    done()
  },
  {
    name: 'gateway-routes-proxy',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-buffer-budget',
      'gateway-backend-profiles',
      'gateway-request-context',
      'gateway-dispatch',
    ],
  },
)

function mount(app: FastifyInstance, options: ProxyRoutesOptions, mountPoint: Mount): void {
  const handler = (request: FastifyRequest, reply: FastifyReply) =>
    proxy(app, options, mountPoint, request, reply)
  app.route({
    method: app.supportedMethods,
    url: `${mountPoint.prefix}/*`,
    // Before the body is read: whatever it is, the answer is the same.
    onRequest: (request, _reply, next) => next(refusal(options, mountPoint, request)),
    handler,
    exposeHeadRoute: false,
  })
  if (mountPoint.prefix.startsWith('/olla/')) {
    app.get(mountPoint.prefix, (request, reply) => {
      const mark = request.url.indexOf('?')
      const path = mark < 0 ? request.url : request.url.slice(0, mark)
      return reply.redirect(`${path}/${mark < 0 ? '' : request.url.slice(mark)}`, 301)
    })
  }
}

/** Why a request goes to no endpoint, whatever its body says. */
function refusal(
  { allowsManagement = false }: ProxyRoutesOptions,
  { stripped }: Mount,
  { method, raw }: FastifyRequest,
): GatewayError | undefined {
  const { path } = targetPath(raw.url ?? '/', stripped)
  const found =
    (allowsManagement ? undefined : managementRefusal(method, path)) ?? methodRefusal(method, path)
  // A path that is not safe is refused for that, later on.
  return found === undefined || isSafePath(path) ? found : undefined
}

function proxy(
  app: FastifyInstance,
  options: ProxyRoutesOptions,
  { stripped, provider }: Mount,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const target = targetPath(request.raw.url ?? '/', stripped)
  app.dispatch(readRequest(options, request, reply, target, provider), request, reply)
}

function readRequest(
  options: ProxyRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  target: TargetPath,
  provider: BackendProfile | undefined,
): ReadRequest {
  const received: unknown = request.body
  if (received instanceof Upload) {
    if (reply.raw.destroyed) void received.dispose()
    else reply.raw.once('close', () => void received.dispose())
    const inspection = inspectUpload(received.model, target.query)
    return { provider, target, body: received, bodyBytes: received.bytes, inspection }
  }
  const body = Buffer.isBuffer(received) && received.length > 0 ? withoutBom(received) : null
  const inspection = inspectRequest(body, request.headers['content-type'], target.path, target.query)
  const { modelSpan, usageEdit: edit } = inspection
  const read = { provider, target, body, bodyBytes: body?.length ?? 0, inspection }
  if (!(options.asksUsage ?? false) || body === null || edit === undefined) return read
  if (inspection.modelPlace !== undefined) return read
  const { path, query } = target
  const renameAnswers = options.renameAnswers ?? true
  const stream = { context: request.gateway, path, query, body, modelSpan, edit, renameAnswers }
  return { ...read, extra: { variant: askingVariant(stream) } }
}
