import type { IncomingHttpHeaders } from 'node:http'
import { answerFormOf } from '../dialects/answers/form-finder.ts'
import type { Inspection } from '../dialects/requests/inspect.ts'
import type { StreamKnowledge } from '../dialects/streamed/stream-knowledge.ts'
import { noteAttempt, noteTranslation } from '../dialects/translate/note-translation.ts'
import type { ClientFormat, Shortening, Translations } from '../dialects/translate/request-translation.ts'
import { withFallback } from '../dialects/variants/with-fallback.ts'
import type { BackendProfile } from '../endpoints/profiles/profile.ts'
import type { Upload } from '../http/body/upload.ts'
import type { ClientAddresses } from '../http/client-address.ts'
import type { TargetPath } from '../http/request/target-path.ts'
import type { Clock } from '../kernel/clock.ts'
import { GatewayError } from '../kernel/errors.ts'
import type { JsonObject } from '../kernel/json/json-fields.ts'
import { withAccess } from '../routing/models/access.ts'
import type { ModelLookup } from '../routing/models/model-lookup.ts'
import type { PathKnowledge } from '../routing/models/path-knowledge.ts'
import { type RefreshParts, refreshModels } from '../routing/models/refresh-models.ts'
import type { ModelRouter } from '../routing/models/router.ts'
import type { RoutingOutcome, RoutingRequest } from '../routing/models/routing.ts'
import type { Refresh } from '../routing/models/routing-strategies.ts'
import type { WakeLookup } from '../routing/models/wake-lookup.ts'
import type { LiveLoad } from '../routing/selection/live-load.ts'
import type { CallerMeter } from './contract/caller-meter.ts'
import type { ClientReply } from './contract/client-reply.ts'
import { ownerOf, type RequestContext } from './contract/context.ts'
import type { ExchangeRequest } from './contract/exchange-request.ts'
import type { ProxyEngine } from './exchange/engine.ts'
import { checkModel, refuseKeyAsModel, reserve } from './request/caller-checks.ts'
import { type ConcludeServices, concludeRequest } from './request/conclude.ts'
import type { RequestHookList } from './request/hooks.ts'
import { immediateAnswer } from './request/immediate-answer.ts'
import { withoutModel } from './request/missing-model.ts'
import { reject } from './request/reject.ts'
import { forwardedHeaders, joined, shown } from './request/request-headers.ts'
import { newLatency } from './request/request-latency.ts'
import type { RequestSessions } from './request/request-sessions.ts'
import { noteRoute } from './request/routing-headers.ts'
import { routingRejection } from './request/routing-rejection.ts'
import type { StoredResponses } from './request/stored-responses.ts'
import { streamedForms } from './request/streamed-request.ts'

/** Services that routing a request, and sending or refusing it, uses. */
export interface DispatchServices extends RefreshParts, ConcludeServices {
  readonly clock: Clock
  readonly options: {
    /** Version of the gateway, for `Via`. */
    readonly version: string
    /** The gateway's own entry in `Via`. */
    readonly viaEntry: string
    /** Maximum time to refresh the endpoints' model lists for an unknown model. */
    readonly refreshTimeoutMs: number
    /** Whether the gateway itself decides which origins are allowed. */
    readonly answersCors: boolean
    /** Whether answers get the client's name for the model. */
    readonly rewriteResponseModel: boolean
  }
  readonly router: Pick<ModelRouter, 'route' | 'wantsRefresh' | 'isUnknown' | 'isListed'>
  readonly modelLookup: Pick<ModelLookup, 'forUnknown'>
  readonly wakeLookup?: Pick<WakeLookup, 'forRejected'> | undefined
  readonly paths: Pick<PathKnowledge, 'errorMessageOf'>
  readonly load: Pick<LiveLoad, 'retryAfterSeconds'>
  readonly addresses: Pick<ClientAddresses, 'forwardedFor' | 'trusts'>
  readonly hooks: Pick<RequestHookList, 'routed' | 'over'>
  /** Undefined if sessions are off. */
  readonly sessions: Pick<RequestSessions, 'refused'> | undefined
  readonly stored: Pick<StoredResponses, 'placed'>
  /** Undefined if the gateway does not translate. */
  readonly translation: Pick<Translations, 'variants' | 'applied'> | undefined
  /** Undefined if requests are streamed only as clients ask. */
  readonly streams: StreamKnowledge | undefined
  readonly engine: Pick<ProxyEngine, 'handle'>
  /** Undefined if nothing limits what callers use. */
  readonly meter?: CallerMeter | undefined
  /** Whether the answer reports its estimate. */
  readonly explains?: ((request: DispatchedRequest) => boolean) | undefined
}

/** The part of a Fastify request that dispatch uses. */
export interface DispatchedRequest {
  readonly gateway: RequestContext
  readonly method: string
  readonly protocol: string
  readonly headers: IncomingHttpHeaders
  readonly socket: { readonly remoteAddress?: string | undefined }
  readonly raw: { readonly rawHeaders: readonly string[] }
}

/** A request that has been read, before routing. */
export interface ReadRequest {
  /** The profile that the route is bound to; undefined for all endpoints. */
  readonly provider: BackendProfile | undefined
  readonly target: TargetPath
  readonly body: Buffer | Upload | null
  readonly bodyBytes: number
  readonly inspection: Inspection
  /** Additional options of the exchange. */
  readonly extra?: Pick<ExchangeRequest, 'variant' | 'keepAlive'> | undefined
  /** Whether the gateway can translate the request for endpoints that do not have the path. */
  readonly isTranslatable?: boolean
  /** Its format, if the gateway can translate it for endpoints without its path. */
  readonly client?: ClientFormat | undefined
  /** The client's request, if the gateway has added what it refers to. */
  readonly original?: JsonObject | undefined
  /** Undefined if the request must not be shortened. */
  readonly shortening?: Shortening | undefined
  /** Endpoints to prefer. */
  readonly prefers?: RoutingRequest['prefers']
}

/**
 * Decides which endpoints may serve a request and hands it to the engine.
 * @throws GatewayError if none may
 */
export function dispatch(
  services: DispatchServices,
  read: ReadRequest,
  request: DispatchedRequest,
  reply: ClientReply,
): void {
  const { router, options } = services
  const context = request.gateway
  context.receivedMs = services.clock.monotonicMs() - context.startedAtMs
  context.wantsOverhead = request.headers['x-olla-overhead'] !== undefined
  if (services.explains?.(request) === true) context.latency = newLatency(true)
  context.requestBytes = read.bodyBytes
  context.model = read.inspection.model
  if (context.identity !== undefined && context.model !== undefined) refuseKeyAsModel(services, context)
  const shownModel = shown(context.model)
  if (shownModel !== undefined) context.headers.push('X-Olla-Model', shownModel)
  if (context.identity?.access !== undefined) checkModel(services, context, request.method)

  const routingRequest = {
    model: context.model,
    provider: read.provider,
    path: read.target.path,
    needs: read.inspection.needs,
    prefers: read.prefers,
    isTranslatable: read.isTranslatable,
    translates: read.client?.translates,
  }
  const routing = router.route(routingRequest)
  if (router.wantsRefresh(routing)) {
    const refreshed = refreshModels(services, options.refreshTimeoutMs)
    sendLater(services, read, routingRequest, refreshed, request, reply)
    return
  }
  const lookup = router.isUnknown(routing)
    ? services.modelLookup.forUnknown(options.refreshTimeoutMs)
    : undefined
  const awaited = lookup ?? services.wakeLookup?.forRejected(routing, context, read.provider)
  if (awaited === undefined) send(services, read, routingRequest, routing, request, reply)
  else
    sendLater(services, read, routingRequest, awaited.then(noRefresh), request, reply, lookup !== undefined)
}

function noRefresh(): undefined {
  return undefined
}

/**
 * Routes a request once the model lists are refreshed.
 * @param mayWake whether it may wait once more, for a machine that is woken
 */
function sendLater(
  services: DispatchServices,
  read: ReadRequest,
  routingRequest: RoutingRequest,
  refreshed: Promise<Refresh | undefined>,
  request: DispatchedRequest,
  reply: ClientReply,
  mayWake = true,
): void {
  refreshed
    .then((refresh) => {
      if (reply.raw.destroyed) {
        request.gateway.heldBody?.over()
        return
      }
      const routing = services.router.route({ ...routingRequest, refresh })
      const woken = mayWake
        ? services.wakeLookup?.forRejected(routing, request.gateway, read.provider)
        : undefined
      if (woken === undefined) send(services, read, routingRequest, routing, request, reply)
      else sendLater(services, read, routingRequest, woken.then(noRefresh), request, reply, false)
    })
    .catch((error: unknown) => reply.send(error))
}

function send(
  services: DispatchServices,
  read: ReadRequest,
  routed: RoutingRequest,
  found: RoutingOutcome,
  request: DispatchedRequest,
  reply: ClientReply,
): void {
  const { provider, target, body, inspection } = read
  const context = request.gateway
  const sent = Buffer.isBuffer(body) ? body : undefined
  const placed = placeStored(services, found, target.path, sent, context)
  const access = context.identity?.access
  const routing = access === undefined ? placed : withAccess(placed, access)
  noteRoute(context, routing)
  services.hooks.routed(context, routing)
  if (routing.tiers.length === 0 && placed.tiers.length > 0) {
    throw reject(services, context, new GatewayError('forbidden', noEndpointAllowed))
  }
  if (routing.decision === 'rejected' && routing.tiers.length === 0) {
    services.sessions?.refused({ context, path: target.path, body })
    const error = routingRejection(services, routing, target.path, provider, context.model)
    throw reject(services, context, withoutModel(error, read.client !== undefined, context.model))
  }
  const { meter } = services
  if (meter === undefined || context.identity === undefined) {
    forward(services, read, routed, routing, request, reply)
    return
  }
  const pending = reserve(services, meter, context, { path: target.path, body, inspection, routing })
  if (pending === undefined) {
    forwardReserved(services, meter, read, routed, routing, request, reply)
    return
  }
  pending
    .then(() => {
      if (!reply.raw.destroyed) {
        forwardReserved(services, meter, read, routed, routing, request, reply)
        return
      }
      meter.release(context)
      context.heldBody?.over()
    })
    .catch((error: unknown) => reply.send(error))
}

function forwardReserved(
  services: DispatchServices,
  meter: CallerMeter,
  read: ReadRequest,
  routed: RoutingRequest,
  routing: RoutingOutcome,
  request: DispatchedRequest,
  reply: ClientReply,
): void {
  try {
    forward(services, read, routed, routing, request, reply)
  } catch (error) {
    meter.release(request.gateway)
    throw error
  }
}

/** Hands a request to the engine, or answers it. */
function forward(
  services: DispatchServices,
  { target, body, inspection, extra, client, original, shortening }: ReadRequest,
  routed: RoutingRequest,
  routing: RoutingOutcome,
  request: DispatchedRequest,
  reply: ClientReply,
): void {
  const { options, addresses } = services
  const context = request.gateway
  if (routing.translates === true && client !== undefined && Buffer.isBuffer(body)) {
    if (sendImmediate(services, client, { body, inspection }, routing, context, reply)) return
  }
  const peer = request.socket.remoteAddress ?? ''
  const isTranslatedAsNeeded = client !== undefined && (client.mayLackPath || routing.translates === true)
  const forms = isTranslatedAsNeeded
    ? translated(services, { target, body, inspection, extra, client, original, shortening }, context)
    : extra?.variant
  services.engine.handle(
    {
      context,
      method: request.method,
      path: target.path,
      query: target.query,
      body,
      inspection,
      modelSpan: inspection.modelSpan,
      modelPlace: inspection.modelPlace,
      variant:
        services.streams?.mayApply === true
          ? streamedForms(
              services.streams,
              {
                context,
                method: request.method,
                ...target,
                body,
                inspection,
                renameAnswers: options.rewriteResponseModel,
              },
              forms,
            )
          : forms,
      keepAlive: extra?.keepAlive,
      mode: client === undefined ? undefined : 'passthrough',
      routing,
      routed,
      isTranslatedAsNeeded,
      headers: forwardedHeaders(request.raw.rawHeaders, {
        forwardedFor: addresses.forwardedFor(peer, joined(request.headers['x-forwarded-for'])),
        clientAddress: context.clientAddress,
        protocol: request.protocol === 'https' ? 'https' : 'http',
        host: request.headers.host,
        model: shown(context.model),
        contentType: inspection.contentType,
        isTrusted: addresses.trusts(peer),
        hidesKeys: context.identity !== undefined,
        identity: context.identityHeaders,
        answersCors: options.answersCors,
        readsAnswer: answerFormOf(request.method, target.path) !== undefined,
        version: options.version,
        viaEntry: options.viaEntry,
      }),
    },
    reply,
  )
}

/** @returns false if an endpoint must answer */
function sendImmediate(
  services: DispatchServices,
  client: ClientFormat,
  { body, inspection }: { readonly body: Buffer; readonly inspection: Inspection },
  routing: RoutingOutcome,
  context: RequestContext,
  reply: ClientReply,
): boolean {
  const { translation, clock } = services
  if (translation === undefined) return false
  const answer = immediateAnswer(client, translation, body, inspection, routing, clock.nowMs())
  if (answer === undefined) return false
  context.status = 200
  context.responseBytes = Buffer.byteLength(answer)
  concludeRequest(services, context, 'success', undefined)
  reply.header('Content-Type', 'application/json; charset=utf-8')
  reply.send(answer)
  return true
}

/** The parts of a request on which its translation depends. */
type Translatable = Pick<
  ReadRequest,
  'target' | 'body' | 'inspection' | 'extra' | 'client' | 'original' | 'shortening'
>

/** The form of a request for each endpoint: translated where that is necessary, else as the client sent it. */
function translated(
  { translation }: DispatchServices,
  { target, body, inspection, extra, client, original, shortening }: Translatable,
  context: RequestContext,
): ExchangeRequest['variant'] {
  const { model, modelSpan } = inspection
  if (translation === undefined || client === undefined || model === undefined || !Buffer.isBuffer(body))
    return extra?.variant
  const translate = translation.variants({
    format: client.format,
    ...target,
    body,
    modelSpan,
    model,
    requestId: context.id,
    original,
    shortening,
    caller: ownerOf(context),
    startedMs: context.startedAtMs,
    onTranslated: (applied) => noteTranslation(context, applied),
    onStreamed: (isStreamed) => {
      context.isStreamedUpstream = isStreamed
    },
  })
  return (candidate) => {
    noteAttempt(context)
    const variant = translate(candidate)
    if (variant !== undefined && variant.mode !== 'passthrough') return variant
    const own = extra?.variant?.(candidate)
    return own === undefined || variant === undefined ? (own ?? variant) : withFallback(own, variant)
  }
}

/** @throws GatewayError if the request names what belongs to another caller; it then counts as refused */
function placeStored(
  services: DispatchServices,
  routed: RoutingOutcome,
  path: string,
  body: Buffer | undefined,
  context: RequestContext,
): RoutingOutcome {
  try {
    return services.stored.placed(routed, path, body, ownerOf(context))
  } catch (error) {
    throw error instanceof GatewayError ? reject(services, context, error) : error
  }
}

const noEndpointAllowed = 'The API key may not use any endpoint that could serve this request.'
