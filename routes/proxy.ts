/**
 * The routes that lead to endpoints: `/olla/proxy/*`, `/olla/<prefix>/*` for every backend profile, and at the
 * root `/v1/*` and `/api/*`, where OpenAI and Ollama clients look by themselves.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../src/errors.ts'
import { scanBody } from '../src/json/body-scan.ts'
import type { BackendProfile } from '../src/model/profile.ts'
import type { RoutingOutcome } from '../src/model/router.ts'
import { countSegments, targetPath } from '../src/request/target-path.ts'
import { forwardedHeaders, isHeaderValue } from '../src/upstream/request-headers.ts'

export interface ProxyRoutesOptions {
  /** Largest request body in bytes. Default 104,857,600. */
  readonly bodyLimitBytes?: number
  /** Version of the gateway, for `Via`. */
  readonly version: string
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
    app.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: options.bodyLimitBytes ?? 104_857_600 },
      (_request, body, parsed) => parsed(null, body),
    )
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
      'gateway-model-routing',
      'gateway-stats',
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
  const context = request.gateway
  const body = Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : null
  context.requestBytes = body?.length ?? 0
  const { path, query } = targetPath(request.raw.url ?? '/', stripped)
  context.model = modelOf(request, body)

  const routing = app.modelRouter.route({ model: context.model, provider, path })
  context.routingStrategy = routing.strategy
  context.routingDecision = routing.decision
  context.routingReason = routing.reason
  if (context.model !== undefined && isHeaderValue(context.model)) reply.header('X-Olla-Model', context.model)
  setRoutingHeaders(reply, routing)
  if (routing.decision === 'rejected') {
    const error = rejection(routing, provider?.name, context.model)
    app.gatewayStats.record({
      endpointSlot: undefined,
      model: context.model,
      outcome: error.statusCode >= 500 ? 'failure' : 'rejection',
      status: error.statusCode,
      requestBytes: context.requestBytes,
      responseBytes: 0,
      durationMs: 0,
      firstByteMs: undefined,
      completedAtMs: Date.now(),
      routing: context.model === undefined ? undefined : 'rejected',
      client: context.clientAddress,
    })
    throw error
  }

  app.proxyEngine.handle(
    {
      context,
      method: request.method,
      path,
      query,
      body,
      routing,
      headers: forwardedHeaders(request.raw.rawHeaders, {
        forwardedFor: app.clientAddresses.forwardedFor(
          request.socket.remoteAddress ?? '',
          joined(request.headers['x-forwarded-for']),
        ),
        clientAddress: context.clientAddress,
        protocol: request.protocol === 'https' ? 'https' : 'http',
        host: request.headers.host,
        model: context.model,
        version: options.version,
      }),
    },
    reply,
  )
}

function modelOf(request: FastifyRequest, body: Buffer | null): string | undefined {
  if (body === null || !isJson(request.headers['content-type'])) return undefined
  const scanned = scanBody(body)
  if (scanned === undefined) throw new GatewayError('invalid_json')
  return scanned.model?.trim() || undefined
}

/** A missing content type is read as JSON: curl users forget it, and endpoints accept it. */
function isJson(contentType: string | undefined): boolean {
  return contentType === undefined || /^\s*application\/(?:[\w.+-]*\+)?json\b/i.test(contentType)
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function setRoutingHeaders(reply: FastifyReply, routing: RoutingOutcome): void {
  if (routing.strategy === undefined) return
  reply.header('X-Olla-Routing-Strategy', routing.strategy)
  reply.header('X-Olla-Routing-Decision', routing.decision)
  reply.header('X-Olla-Routing-Reason', routing.reason)
}

function rejection(
  routing: RoutingOutcome,
  provider: string | undefined,
  model: string | undefined,
): GatewayError {
  const named = model === undefined ? '' : ` "${model}"`
  if (routing.reason === 'model_not_found') {
    return new GatewayError('model_not_found', `model_not_found: no endpoint has the model${named}.`)
  }
  if (model !== undefined && routing.status === 503) {
    return new GatewayError(
      'model_unavailable',
      `${routing.reason}: no endpoint that has the model${named} is available now.`,
    )
  }
  if (provider !== undefined && routing.status === 404) {
    return new GatewayError('no_endpoints', `No ${provider} endpoints available`)
  }
  return new GatewayError('no_healthy_endpoints')
}
