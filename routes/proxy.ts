/**
 * The routes that lead to endpoints: `/olla/proxy/*`, `/olla/<prefix>/*` for every backend profile, and at the
 * root `/v1/*` and `/api/*`, where OpenAI and Ollama clients look by themselves.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../src/errors.ts'
import type { BackendProfile } from '../src/model/profile.ts'
import type { RoutingOutcome } from '../src/model/router.ts'
import type { Refresh } from '../src/model/routing-strategies.ts'
import { outcomeOfStatus, type RequestContext } from '../src/request/context.ts'
import { type Inspection, inspectRequest } from '../src/request/inspect.ts'
import { countSegments, type TargetPath, targetPath } from '../src/request/target-path.ts'
import { receiveUpload, Upload } from '../src/request/upload.ts'
import { forwardedHeaders, isHeaderValue } from '../src/upstream/request-headers.ts'

export interface ProxyRoutesOptions {
  /** Largest request body in bytes. Default 104,857,600. */
  readonly bodyLimitBytes?: number
  /** Version of the gateway, for `Via`. */
  readonly version: string
  /** Longest time that endpoints are asked again for an unknown model; milliseconds. Default 2,000. */
  readonly refreshTimeoutMs?: number
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
    app.addContentTypeParser(/^multipart\/form-data/i, (request, payload, parsed) => {
      const contentType = request.headers['content-type'] ?? ''
      receiveUpload(payload, contentType, options.bodyLimitBytes ?? 104_857_600).then(
        (upload) => parsed(null, upload),
        parsed,
      )
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
  const target = targetPath(request.raw.url ?? '/', stripped)
  const { body, bytes, inspection } = readBody(request, reply, target.path)
  context.requestBytes = bytes
  context.model = inspection.model
  if (context.model !== undefined && isHeaderValue(context.model))
    context.headers.push('X-Olla-Model', context.model)

  const asked = { model: context.model, provider, path: target.path, needs: inspection.needs }
  const routing = app.modelRouter.route(asked)
  if (!app.modelRouter.wantsRefresh(routing)) {
    send(app, options, { routing, provider, target, body, inspection }, request, reply)
    return
  }
  refreshModels(app, options.refreshTimeoutMs ?? 2_000)
    .then((refresh) => {
      if (reply.raw.destroyed) return
      const again = app.modelRouter.route({ ...asked, refresh })
      send(app, options, { routing: again, provider, target, body, inspection }, request, reply)
    })
    .catch((error: unknown) => reply.send(error))
}

function readBody(request: FastifyRequest, reply: FastifyReply, path: string) {
  const received: unknown = request.body
  if (received instanceof Upload) {
    if (reply.raw.destroyed) void received.dispose()
    else reply.raw.once('close', () => void received.dispose())
    const inspection: Inspection = { model: received.model?.trim(), modelSpan: undefined, needs: undefined }
    return { body: received, bytes: received.bytes, inspection }
  }
  const body = Buffer.isBuffer(received) && received.length > 0 ? received : null
  return {
    body,
    bytes: body?.length ?? 0,
    inspection: inspectRequest(body, request.headers['content-type'], path),
  }
}

interface Prepared {
  readonly routing: RoutingOutcome
  readonly provider: BackendProfile | undefined
  readonly target: TargetPath
  readonly body: Buffer | Upload | null
  readonly inspection: Inspection
}

function send(
  app: FastifyInstance,
  options: ProxyRoutesOptions,
  { routing, provider, target, body, inspection }: Prepared,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const context = request.gateway
  context.routingStrategy = routing.strategy
  context.routingDecision = routing.decision
  context.routingReason = routing.reason
  app.requestHooks.routed(context, routing)
  setRoutingHeaders(context, routing)
  if (routing.decision === 'rejected')
    throw reject(app, request, rejection(routing, provider?.name, context.model))
  app.proxyEngine.handle(
    {
      context,
      method: request.method,
      path: target.path,
      query: target.query,
      body,
      modelSpan: inspection.modelSpan,
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

/** Asks every routable endpoint for its models, each once however many requests wait for it. */
async function refreshModels(app: FastifyInstance, timeoutMs: number): Promise<Refresh> {
  const routable = app.endpointRegistry.snapshot.endpoints.filter(({ slot }) =>
    app.endpointRegistry.isRoutable(slot),
  )
  if (!app.modelDiscovery.isRunning || routable.length === 0) return 'impossible'
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), timeoutMs)
  })
  const all = Promise.all(routable.map(({ slot }) => app.modelDiscovery.refresh(slot)))
  const result = await Promise.race([all, late])
  clearTimeout(timer)
  return result !== 'late' && result.some((isRead) => isRead) ? 'done' : 'failed'
}

/** Counts a request that was turned away before it reached an endpoint. */
function reject(
  app: FastifyInstance,
  { gateway: context }: FastifyRequest,
  error: GatewayError,
): GatewayError {
  const outcome = outcomeOfStatus(error.statusCode)
  context.status = error.statusCode
  context.error = error.code
  context.outcome = outcome
  app.requestHooks.over(context, outcome)
  app.gatewayStats.record({
    endpointSlot: undefined,
    model: context.model,
    outcome,
    status: error.statusCode,
    requestBytes: context.requestBytes,
    responseBytes: 0,
    durationMs: 0,
    firstByteMs: undefined,
    completedAtMs: Date.now(),
    routing: context.model === undefined ? undefined : 'rejected',
    client: context.caller ?? context.clientAddress,
  })
  return error
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function setRoutingHeaders({ headers }: RequestContext, routing: RoutingOutcome): void {
  if (routing.strategy === undefined) return
  headers.push('X-Olla-Routing-Strategy', routing.strategy)
  headers.push('X-Olla-Routing-Decision', routing.decision)
  headers.push('X-Olla-Routing-Reason', routing.reason)
}

function rejection(
  routing: RoutingOutcome,
  provider: string | undefined,
  model: string | undefined,
): GatewayError {
  if (routing.reason === 'no_healthy_endpoints') {
    return provider !== undefined && routing.status === 404
      ? new GatewayError('no_endpoints', `No ${provider} endpoints available`)
      : new GatewayError('no_healthy_endpoints')
  }
  const named = model === undefined ? '' : ` "${model}"`
  return routing.status === 404
    ? new GatewayError('model_not_found', `${routing.reason}: no endpoint has the model${named}.`)
    : new GatewayError(
        'model_unavailable',
        `${routing.reason}: no endpoint that has the model${named} is available now.`,
      )
}
