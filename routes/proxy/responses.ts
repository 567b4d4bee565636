import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Launch } from '../../src/dialects/openai/responses/background/background-runs.ts'
import { isCompactionTrigger } from '../../src/dialects/openai/responses/compaction.ts'
import { parseJson } from '../../src/dialects/openai/responses/request/request-values.ts'
import type {
  PreparedRequest,
  ResponseRequests,
} from '../../src/dialects/openai/responses/response-requests.ts'
import { EventAnswer } from '../../src/dialects/openai/responses/store/event-answer.ts'
import { asksForTruncation } from '../../src/dialects/openai/responses/truncation/input-truncation.ts'
import { isGenericProfile } from '../../src/dialects/translate/translation-plan.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import type { JsonObject } from '../../src/kernel/json/json-fields.ts'
import { ownerOf } from '../../src/proxy/contract/context.ts'
import { detachedRequest } from '../../src/proxy/detached/detached-request.ts'
import { DetachedReply } from '../../src/proxy/detached/detached-response.ts'
import type { DispatchedRequest, ReadRequest } from '../../src/proxy/dispatch.ts'
import { type ModelAccess, withAccess } from '../../src/routing/models/access.ts'
import { compactConversation, compactOnTrigger, compactPath } from './responses-compact.ts'
import { countInputTokens, inputTokensPath } from './responses-tokens.ts'
import { shorteningOf, truncatedPromptTokens } from './responses-truncation.ts'

const responsesPath = '/v1/responses'
const truncationName = Buffer.from('"truncation"')
const triggerName = Buffer.from('"compaction_trigger"')

/** A request to the Responses API. */
interface ResponsesCall {
  readonly read: ReadRequest
  /** Reads the request with another body. */
  readonly readBody: (body: Buffer, request?: DispatchedRequest, path?: string) => ReadRequest
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Whether a request may concern what the gateway stores for the Responses API. */
export function mayConcernState(path: string): boolean {
  return path.startsWith('/v1/responses') || path.startsWith('/v1/conversations')
}

/**
 * Answers a request about something that the gateway has stored, and adds what a request refers to. Everything else goes
 * to an endpoint as it is.
 */
export function handleResponses(
  app: FastifyInstance,
  responses: ResponseRequests,
  call: ResponsesCall,
): void {
  const { read, request, reply } = call
  const { path, query } = read.target
  const caller = ownerOf(request.gateway)
  const body = Buffer.isBuffer(read.body) ? read.body : undefined
  const isPost = request.method === 'POST' && body !== undefined
  if (isPost && path === inputTokensPath && app.hasDecorator('tokenCounter')) {
    const count = { read, readBody: call.readBody, body, request, reply }
    answerWith(reply, countInputTokens(app, responses, count))
    return
  }
  if (isPost && path === compactPath && !servesCompact(app, read, request.gateway.identity?.access)) {
    const compact = { body, caller, reply, launch: launcher(app, responses, call, undefined, responsesPath) }
    answerWith(reply, compactConversation(responses, compact))
    return
  }
  const asked =
    read.client !== undefined && body !== undefined
      ? sendWhole(app, responses, call, body)
      : responses.answer({ method: request.method, path, query, body, caller })?.then((answer) => {
          if (answer !== undefined) reply.send(answered(reply, answer))
          else if (endpointsKeepResponses(app)) send(app, call, read)
          else throw new GatewayError('path_not_served')
        })
  if (asked === undefined) app.dispatch(read, request, reply)
  else asked.catch((error: unknown) => reply.send(responses.errorFor(path, error)))
}

/**
 * Sends a request with what it refers to, and shortened if it asks for that.
 * @returns undefined if neither applies
 */
function sendWhole(
  app: FastifyInstance,
  responses: ResponseRequests,
  call: ResponsesCall,
  body: Buffer,
): Promise<void> | undefined {
  const { read, request } = call
  const caller = ownerOf(request.gateway)
  const { keys } = read.inspection
  const expanded = responses.expand(body, caller, true, keys)
  if (expanded !== undefined) return expanded.then((prepared) => sendPrepared(app, responses, call, prepared))
  return (keys?.truncation ?? body.includes(truncationName))
    ? sendShortened(app, responses, call, read, undefined)
    : undefined
}

async function sendPrepared(
  app: FastifyInstance,
  responses: ResponseRequests,
  call: ResponsesCall,
  prepared: PreparedRequest | undefined,
): Promise<void> {
  const { read, request, reply, readBody } = call
  const trigger = prepared?.whole ?? requestIn(read.body, triggerName)
  if (
    isCompactionTrigger(trigger) &&
    prepared?.isBackground !== true &&
    !servesCompact(app, read, request.gateway.identity?.access)
  ) {
    if (prepared?.endTurn !== undefined) whenOver(reply, prepared.endTurn)
    const launch = launcher(app, responses, call, undefined)
    const own = prepared?.own ?? trigger
    reply.send(
      await compactOnTrigger(responses, {
        whole: trigger,
        own,
        caller: ownerOf(request.gateway),
        reply,
        launch,
      }),
    )
    return
  }
  if (prepared === undefined) {
    await sendShortened(app, responses, call, read, undefined)
    return
  }
  if (prepared.isBackground === true) {
    const tokens = await truncatedPromptTokens(app, prepared.whole)
    const launch = launcher(app, responses, call, tokens)
    reply.send(answered(reply, responses.start(prepared, ownerOf(request.gateway), launch)))
    return
  }
  if (prepared.endTurn !== undefined) whenOver(reply, prepared.endTurn)
  const whole = { ...readBody(responses.bodyOf(prepared)), original: prepared.own }
  await sendShortened(app, responses, call, whole, prepared.whole)
}

/** @param given the request that was read; undefined parses its body */
async function sendShortened(
  app: FastifyInstance,
  responses: ResponseRequests,
  call: ResponsesCall,
  read: ReadRequest,
  given: JsonObject | undefined,
): Promise<void> {
  const request = given ?? requestIn(read.body, truncationName)
  if (!asksForTruncation(request)) {
    send(app, call, read)
    return
  }
  const tokens = await truncatedPromptTokens(app, request)
  const shortening = shorteningOf(responses, request, tokens, (body) => call.readBody(body))
  send(app, call, { ...read, shortening })
}

/** @returns undefined if a body cannot be read, which its reader reports */
function requestIn(body: ReadRequest['body'], mark: Buffer): unknown {
  return Buffer.isBuffer(body) && body.includes(mark) ? parseJson(body.toString('utf8')) : undefined
}

/** Whether an endpoint may have a response that the gateway does not have. */
function endpointsKeepResponses({ endpointRegistry, pathKnowledge }: FastifyInstance): boolean {
  return endpointRegistry.snapshot.endpoints.some(
    (endpoint) =>
      endpoint.profile?.responses.keeps !== 'never' &&
      (pathKnowledge.serves(endpoint, responsesPath) ?? isGenericProfile(endpoint.profile)),
  )
}

function answerWith(reply: FastifyReply, answer: Promise<unknown>): void {
  answer.then(
    (value) => reply.send(value),
    (error: unknown) => reply.send(error),
  )
}

/** Whether an endpoint with the model is known to compact conversations itself. */
function servesCompact(
  app: FastifyInstance,
  { provider, inspection }: ReadRequest,
  access: ModelAccess | undefined,
): boolean {
  const asked = { model: inspection.model, provider, path: compactPath, dryRun: true }
  const routing = app.modelRouter.route(asked)
  const { candidates } = access === undefined ? routing : withAccess(routing, access)
  return candidates.some(
    ({ endpoint, nativeModel }) => app.pathKnowledge.serves(endpoint, compactPath, nativeModel) === true,
  )
}

function whenOver({ raw }: FastifyReply, over: () => void): void {
  raw.once('finish', over).once('close', over)
  if (raw.destroyed) over()
}

/** The client may have gone while the store was read. */
function send(app: FastifyInstance, { request, reply }: ResponsesCall, read: ReadRequest): void {
  if (reply.raw.destroyed) request.gateway.heldBody?.over()
  else app.dispatch(read, request, reply)
}

/** What Fastify sends for an answer. */
function answered(reply: FastifyReply, answer: JsonObject | EventAnswer): unknown {
  if (!(answer instanceof EventAnswer)) return answer
  reply.header('Content-Type', 'text/event-stream; charset=utf-8').header('Cache-Control', 'no-cache')
  return Readable.from(answer.events, { objectMode: false })
}

/**
 * Sends a request of the gateway for the client, within what the client may use.
 * @param promptTokens an estimate, if the request may be truncated
 */
function launcher(
  app: FastifyInstance,
  responses: ResponseRequests,
  { readBody, request }: ResponsesCall,
  promptTokens: number | undefined,
  path?: string,
): Launch {
  return (body, id, sink) => {
    const reply = new DetachedReply(sink)
    const detached = detachedRequest(request, id, systemClock.monotonicMs())
    const read = readBody(body, detached, path)
    const shortening = shorteningOf(responses, requestIn(body, truncationName), promptTokens, (shorter) =>
      readBody(shorter, detached, path),
    )
    app.dispatch(shortening === undefined ? read : { ...read, shortening }, detached, reply)
    return () => reply.raw.destroy()
  }
}
