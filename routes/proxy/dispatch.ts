import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { answerOperation } from '../../src/dialects/answers/operation.ts'
import type { Inspection } from '../../src/dialects/requests/inspect.ts'
import type { BackendProfile } from '../../src/endpoints/profiles/profile.ts'
import type { Upload } from '../../src/http/body/upload.ts'
import type { TargetPath } from '../../src/http/request/target-path.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { GatewayError } from '../../src/kernel/errors.ts'
import { outcomeOfStatus } from '../../src/proxy/contract/context.ts'
import type { ExchangeRequest } from '../../src/proxy/contract/exchange-request.ts'
import { forwardedHeaders, headerText } from '../../src/proxy/request/request-headers.ts'
import { tellRoute } from '../../src/proxy/request/routing-headers.ts'
import { rejectionError } from '../../src/routing/models/rejection.ts'
import type { RoutingOutcome, RoutingRequest } from '../../src/routing/models/routing.ts'
import type { Refresh } from '../../src/routing/models/routing-strategies.ts'

export interface DispatchOptions {
  /** Version of the gateway, for `Via`. */
  readonly version: string
  /** Longest time that endpoints are asked again for an unknown model; milliseconds. Default 2,000. */
  readonly refreshTimeoutMs?: number
  /** Whether the gateway itself decides which origins may ask. Default false. */
  readonly answersCors?: boolean
}

/** A request that has been read, on its way to an endpoint. */
export interface ReadRequest {
  /** The profile that the route is bound to; undefined leads to all endpoints. */
  readonly provider: BackendProfile | undefined
  readonly target: TargetPath
  readonly body: Buffer | Upload | null
  readonly bodyBytes: number
  readonly inspection: Inspection
  /** What the exchange should know beside the request itself. */
  readonly extra?: Pick<ExchangeRequest, 'variant' | 'keepAlive'>
  /** Whether the gateway can translate the request for endpoints that do not have the path. */
  readonly isTranslatable?: boolean
  /** Endpoints to ask first. */
  readonly prefers?: RoutingRequest['prefers']
}

/**
 * Decides which endpoints may serve a request and hands it to the engine.
 * @throws GatewayError where none may
 */
export function dispatch(
  app: FastifyInstance,
  options: DispatchOptions,
  read: ReadRequest,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const context = request.gateway
  context.receivedMs = systemClock.monotonicMs() - context.startedAtMs
  context.wantsOverhead = request.headers['x-olla-overhead'] !== undefined
  context.requestBytes = read.bodyBytes
  context.model = read.inspection.model
  const shownModel = shown(context.model)
  if (shownModel !== undefined) context.headers.push('X-Olla-Model', shownModel)

  const asked = {
    model: context.model,
    provider: read.provider,
    path: read.target.path,
    needs: read.inspection.needs,
    prefers: read.prefers,
    isTranslatable: read.isTranslatable,
  }
  const routing = app.modelRouter.route(asked)
  const timeoutMs = options.refreshTimeoutMs ?? 2_000
  if (app.modelRouter.wantsRefresh(routing)) {
    sendLater(app, options, read, asked, refreshModels(app, timeoutMs), request, reply)
    return
  }
  const look = app.modelRouter.isUnknown(routing) ? app.modelLook.forUnknown(timeoutMs) : undefined
  if (look === undefined) send(app, options, read, routing, request, reply)
  else sendLater(app, options, read, asked, look.then(noRefresh), request, reply)
}

/** The lists were read again for all requests, not for one. */
function noRefresh(): undefined {
  return undefined
}

/** Routes a request when more is known. */
function sendLater(
  app: FastifyInstance,
  options: DispatchOptions,
  read: ReadRequest,
  asked: RoutingRequest,
  refreshed: Promise<Refresh | undefined>,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  refreshed
    .then((refresh) => {
      if (reply.raw.destroyed) request.gateway.heldBody?.over()
      else send(app, options, read, app.modelRouter.route({ ...asked, refresh }), request, reply)
    })
    .catch((error: unknown) => reply.send(error))
}

function send(
  app: FastifyInstance,
  options: DispatchOptions,
  { provider, target, body, inspection, extra }: ReadRequest,
  routed: RoutingOutcome,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const context = request.gateway
  const routing = app.storedResponses.placed(routed, target.path, Buffer.isBuffer(body) ? body : undefined)
  tellRoute(context, routing)
  app.requestHooks.routed(context, routing)
  if (routing.decision === 'rejected' && routing.tiers.length === 0) {
    // For the headers of the refusal (contract 1.4): no endpoint can be preferred.
    app.sessionAffinity?.prefer({ context, path: target.path, body }, routing.candidates, undefined)
    throw reject(app, request, rejection(app, routing, target.path, provider, context.model))
  }
  app.proxyEngine.handle(
    {
      context,
      method: request.method,
      path: target.path,
      query: target.query,
      body,
      modelSpan: inspection.modelSpan,
      modelPlace: inspection.modelPlace,
      variant: extra?.variant,
      keepAlive: extra?.keepAlive,
      routing,
      headers: forwardedHeaders(request.raw.rawHeaders, {
        forwardedFor: app.clientAddresses.forwardedFor(
          request.socket.remoteAddress ?? '',
          joined(request.headers['x-forwarded-for']),
        ),
        clientAddress: context.clientAddress,
        protocol: request.protocol === 'https' ? 'https' : 'http',
        host: request.headers.host,
        model: shown(context.model),
        contentType: inspection.contentType,
        isTrusted: app.clientAddresses.trusts(request.socket.remoteAddress ?? ''),
        answersCors: options.answersCors ?? false,
        readsAnswer: answerOperation(request.method, target.path) !== undefined,
        version: options.version,
        viaEntry: app.viaEntry,
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

function shown(model: string | undefined): string | undefined {
  return model === undefined ? undefined : headerText(model)
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function rejection(
  app: FastifyInstance,
  routing: RoutingOutcome,
  path: string,
  provider: BackendProfile | undefined,
  model: string | undefined,
): GatewayError {
  const endpoints = app.endpointRegistry.snapshot.endpoints.map((endpoint) => ({ endpoint }))
  return rejectionError(routing, {
    model,
    provider: provider?.name,
    path,
    isElsewhere: provider !== undefined && app.modelRouter.isListed(model),
    retryAfterSeconds: app.endpointLoad.retryAfterSeconds(endpoints),
    wordsOf: ({ slot }) => app.pathKnowledge.wordsOf(slot, path),
  })
}
