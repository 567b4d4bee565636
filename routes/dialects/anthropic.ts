/**
 * The Anthropic API for any endpoint: messages, token counts and models, below `/olla/anthropic` and, so that
 * `ANTHROPIC_BASE_URL` may be the gateway itself, at the root (contract 10). Uses if present: `callerMeter`.
 */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { bodyLimitOf } from '../../src/config/file/body-limit.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { anthropic } from '../../src/dialects/anthropic/index.ts'
import { checkMessagesFrame } from '../../src/dialects/anthropic/messages/request/messages-frame.ts'
import { readMessagesRequest } from '../../src/dialects/anthropic/messages/request/messages-request.ts'
import { messagesTexts } from '../../src/dialects/anthropic/messages/request/messages-texts.ts'
import { readMessages } from '../../src/dialects/anthropic/messages/request/read-request.ts'
import {
  anthropicModel,
  anthropicModelPage,
  type ModelPageQuery,
} from '../../src/dialects/anthropic/model-list.ts'
import { RequestScan, shortOrFull } from '../../src/dialects/hub/parts/request-body.ts'
import { inspectJson, jsonTypeFor, withoutBom } from '../../src/dialects/requests/inspect.ts'
import type { MessageVariants } from '../../src/dialects/translate/messages-to-chat/message-variants.ts'
import { noteAttempt, noteTranslation } from '../../src/dialects/translate/note-translation.ts'
import type { AppliedTranslation } from '../../src/dialects/translate/request-translation.ts'
import type { BackendProfile } from '../../src/endpoints/profiles/profile.ts'
import { targetPath } from '../../src/http/request/target-path.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { withAccess } from '../../src/routing/models/access.ts'
import { acceptBytes } from '../http/request-bodies.ts'
import { findModel, listedModels } from './find-model.ts'

/** Reads `translators.anthropic.max_message_size` and `ping_interval`, and the limit of other bodies. */
export interface AnthropicRoutesOptions extends Sections<'translators' | 'server'> {
  readonly clock?: Clock
}

interface MessagesSettings {
  /** Listener for the close of a response. */
  readonly settle: (this: MessagesResponse) => void
  readonly pingIntervalMs: number
}

export default fp<AnthropicRoutesOptions>(
  async function anthropicRoutes(app, options) {
    const { translators, server } = readSections(options, ['translators', 'server'], ['clock'])
    const { maxMessageBytes, pingIntervalMs } = translators.anthropic
    acceptBytes(app, maxMessageBytes || bodyLimitOf(server.requestLimits.maxBodyBytes))
    const settle = settler(app, options.clock ?? systemClock)
    const settings: MessagesSettings = { settle, pingIntervalMs }
    app.addHook('onRequest', function name({ gateway }, _reply, next) {
      gateway.headers.push(anthropic.requestIdHeader, gateway.id)
      next()
    })
    for (const base of ['/olla/anthropic', '/olla/proxy', '']) mountMessages(app, settings, base, undefined)
    for (const [prefix, profile] of app.backendProfiles.prefixes()) {
      mountMessages(app, settings, `/olla/${prefix}`, app.backendProfiles.get(profile))
    }
    for (const base of ['/olla/anthropic', '']) {
      // Claude Code checks whether a server is running, and sends usage events, which are dropped.
      app.route({ method: ['GET', 'HEAD'], url: `${base}/api/hello`, exposeHeadRoute: false, handler: hello })
      app.post(`${base}/api/event_logging/*`, () => ({}))
    }
    app.get<{ Querystring: ModelPageQuery }>('/olla/anthropic/v1/models', (request) =>
      anthropicModelPage(listedModels(app, request, {}), request.query),
    )
    app.get('/olla/anthropic/v1/models/*', (request) => anthropicModel(findModel(app, request, 4)))
  },
  {
    name: 'gateway-routes-anthropic',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-buffer-budget',
      'gateway-backend-profiles',
      'gateway-endpoint-registry',
      'gateway-message-translator',
      'gateway-token-counter',
      'gateway-model-directory',
      'gateway-model-routing',
      'gateway-stats',
      'gateway-request-context',
      'gateway-dispatch',
    ],
  },
)

/** @param provider profile whose endpoints may serve the requests; undefined for all endpoints */
function mountMessages(
  app: FastifyInstance,
  settings: MessagesSettings,
  base: string,
  provider: BackendProfile | undefined,
): void {
  app.post(`${base}/v1/messages`, (request, reply) => messages(app, settings, provider, request, reply))
  app.post(`${base}/v1/messages/count_tokens`, (request, reply) => countTokens(app, provider, request, reply))
  // Below most prefixes, any other method would be routed to an endpoint.
  const method = app.supportedMethods.filter((each) => each !== 'POST')
  for (const url of [`${base}/v1/messages`, `${base}/v1/messages/count_tokens`])
    app.route({ method, url, exposeHeadRoute: false, handler: refuseMethod })
  // Below a provider's prefix, all other paths belong to that provider.
  if (provider === undefined) app.all(`${base}/v1/messages/*`, refusePath)
}

/** Batches and similar operations: an endpoint would answer in the dialect of another API. */
function refusePath({ url }: FastifyRequest): never {
  throw new GatewayError(
    'not_found',
    url.includes('/batches') ? 'Message batches are not supported' : undefined,
  )
}

function refuseMethod(): never {
  throw new GatewayError('method_not_allowed', undefined, { headers: ['Allow', 'POST'] })
}

function hello() {
  return { message: 'hello' }
}

function messages(
  app: FastifyInstance,
  settings: MessagesSettings,
  provider: BackendProfile | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const translator = app.messageTranslator
  const { settle, pingIntervalMs: intervalMs } = settings
  const call: OpenCall = { request, variants: undefined, isStream: false }
  const raw: MessagesResponse = reply.raw
  raw[callKey] = call
  raw.on('close', settle)

  const { query } = targetPath(request.raw.url ?? '/', 0)
  const { body, inspection, model, scan } = readCall(request)
  const parsed = scan.parse()
  shortOrFull(body, parsed, ({ request: checked }) => checkMessagesFrame(checked))
  const { isStream } = inspection
  const session =
    translator.sessionHeader === undefined ? undefined : request.headers[translator.sessionHeader]
  const onTranslated = (applied: AppliedTranslation) => noteTranslation(request.gateway, applied)
  const variants = translator.variants(
    {
      body,
      parsed,
      model,
      query,
      isStream,
      modelSpan: inspection.modelSpan,
      requestId: request.gateway.id,
      startedMs: request.gateway.startedAtMs,
      onTranslated,
      onStreamed: (isStreamed) => {
        request.gateway.isStreamedUpstream = isStreamed
      },
    },
    Array.isArray(session) ? session[0] : session,
  )
  call.variants = variants
  call.isStream = isStream
  const keepAlive = isStream && intervalMs > 0 ? { intervalMs, ...anthropic.keepAlive } : undefined
  app.dispatch(
    {
      provider,
      target: { path: '/v1/messages', query },
      body,
      bodyBytes: body.length,
      inspection,
      extra: {
        variant: (target) => {
          noteAttempt(request.gateway)
          return variants.of(target)
        },
        keepAlive,
      },
      isTranslatable: true,
      prefers: translator.prefers,
    },
    request,
    reply,
  )
  // Of a request that waits, only the body is kept.
  variants.forgetParsed()
}

/** A request until its response is closed. */
interface OpenCall {
  readonly request: FastifyRequest
  /** Undefined until the body has been read. */
  variants: MessageVariants | undefined
  isStream: boolean
}

const callKey = Symbol('olla-gateway.messages')
type MessagesResponse = ServerResponse & { [callKey]?: OpenCall }

/** Counts a request when its connection closes, before or after the end of the answer: only then the outcome is known. */
function settler(app: FastifyInstance, clock: Clock): (this: MessagesResponse) => void {
  return function settle() {
    const call = this[callKey]
    if (call === undefined) return
    const { gateway: context } = call.request
    app.translatorStats.record({
      dialect: anthropic.name,
      outcome: context.outcome ?? 'rejection',
      mode: call.variants?.mode,
      isStream: call.isStream,
      mayPass: app.messageTranslator.passthrough,
      hadNoEndpoint: context.routingDecision === 'rejected',
      durationMs: clock.monotonicMs() - context.startedAtMs,
    })
  }
}

async function countTokens(
  app: FastifyInstance,
  provider: BackendProfile | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { body, inspection, model } = readCall(request)
  const access = request.gateway.identity?.access
  if (access?.allowsModel(model) === false) throw new GatewayError('model_not_allowed')
  app.callerMeter?.check(request.gateway, model)
  const parsed = readMessagesRequest(body)
  const routing = app.modelRouter.route({
    model,
    provider,
    path: '/v1/messages',
    isTranslatable: true,
    needs: inspection.needs,
  })
  const { candidates } = access === undefined ? routing : withAccess(routing, access)
  const native = { body, modelSpan: inspection.modelSpan, pathAt: app.messageTranslator.countPathAt }
  const count = { native, conversation: () => readMessages(parsed), model }
  const { tokens, source, endpoint } = await app.tokenCounter.count(count, candidates)
  reply.header('X-Olla-Token-Count', source)
  if (endpoint !== undefined) reply.header('X-Olla-Endpoint', encodeURIComponent(endpoint.name))
  return { input_tokens: tokens }
}

/** @throws GatewayError if the body is not a request, or names no model */
function readCall(request: FastifyRequest) {
  const sent = Buffer.isBuffer(request.body) ? withoutBom(request.body) : Buffer.alloc(0)
  const body = request.gateway.identity?.parameters?.apply(sent, '/v1/messages') ?? sent
  if (body.length === 0) throw new GatewayError('invalid_request', 'empty request body')
  const scan = new RequestScan(body, messagesTexts)
  const inspection = inspectJson(body, '/v1/messages', jsonTypeFor(request.headers['content-type']), scan)
  const { model } = inspection
  if (model !== undefined) return { body, inspection, model, scan }
  // Throws an error that says what is wrong with the body.
  readMessagesRequest(body)
  throw new GatewayError('invalid_request', 'model field is required')
}
