/**
 * The routes that lead to endpoints: `/olla/proxy/*`, `/olla/<prefix>/*` for every backend profile, and at the
 * root `/v1/*` and `/api/*`, where OpenAI and Ollama clients look by themselves.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { BackendProfile } from '../src/model/profile.ts'
import { type Inspection, inspectRequest, noInspection } from '../src/request/inspect.ts'
import { receiveBody } from '../src/request/receive-body.ts'
import { countSegments, type TargetPath, targetPath } from '../src/request/target-path.ts'
import { receiveUpload, Upload } from '../src/request/upload.ts'
import { askingVariant } from '../src/usage/usage-variant.ts'
import { type DispatchOptions, dispatch, type ReadRequest } from './support/dispatch.ts'

export interface ProxyRoutesOptions extends DispatchOptions {
  /** Largest request body in bytes. Default 104,857,600. */
  readonly bodyLimitBytes?: number
  /** Streams are asked for their usage where clients do not ask. Default false. */
  readonly asksUsage?: boolean
  /** Answers get the model name that was asked for. Default true. */
  readonly renameAnswers?: boolean
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
    // The bytes go on as they came: nothing here may parse and write them again.
    app.removeAllContentTypeParsers()
    const limitBytes = options.bodyLimitBytes ?? 104_857_600
    // Fastify keeps in mind which parser a type that it knows by name has.
    app.addContentTypeParser(['application/json', '*'], (request, payload, parsed) => {
      // A hook of the host may have put another stream in its place, say a decompressed one.
      const length = payload === request.raw ? request.headers['content-length'] : undefined
      receiveBody(payload, length === undefined ? undefined : Number(length), limitBytes, parsed)
    })
    app.addContentTypeParser(/^multipart\/form-data/i, (request, payload, parsed) => {
      const contentType = request.headers['content-type'] ?? ''
      receiveUpload(payload, contentType, limitBytes).then((upload) => parsed(null, upload), parsed)
    })
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
      'gateway-backend-profiles',
      'gateway-request-context',
      'gateway-request-hooks',
      'gateway-model-routing',
      'gateway-stats',
      'gateway-session-affinity',
      'gateway-proxy-engine',
    ],
  },
)

function mount(app: FastifyInstance, options: ProxyRoutesOptions, mountPoint: Mount): void {
  const handler = (request: FastifyRequest, reply: FastifyReply) =>
    proxy(app, options, mountPoint, request, reply)
  app.route({ method: app.supportedMethods, url: `${mountPoint.prefix}/*`, handler, exposeHeadRoute: false })
  if (mountPoint.prefix.startsWith('/olla/')) {
    app.get(mountPoint.prefix, (request, reply) => {
      const mark = request.url.indexOf('?')
      const path = mark < 0 ? request.url : request.url.slice(0, mark)
      return reply.redirect(`${path}/${mark < 0 ? '' : request.url.slice(mark)}`, 301)
    })
  }
}

function proxy(
  app: FastifyInstance,
  options: ProxyRoutesOptions,
  { stripped, provider }: Mount,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const target = targetPath(request.raw.url ?? '/', stripped)
  dispatch(app, options, readRequest(options, request, reply, target, provider), request, reply)
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
    const inspection: Inspection = { ...noInspection, model: received.model?.trim() }
    return { provider, target, body: received, bodyBytes: received.bytes, inspection }
  }
  const body = Buffer.isBuffer(received) && received.length > 0 ? received : null
  const inspection = inspectRequest(body, request.headers['content-type'], target.path)
  const { modelSpan, usageEdit: edit } = inspection
  const read = { provider, target, body, bodyBytes: body?.length ?? 0, inspection }
  if (!(options.asksUsage ?? false) || body === null || edit === undefined) return read
  const { path, query } = target
  const renameAnswers = options.renameAnswers ?? true
  const stream = { context: request.gateway, path, query, body, modelSpan, edit, renameAnswers }
  return { ...read, extra: { variant: askingVariant(stream) } }
}
