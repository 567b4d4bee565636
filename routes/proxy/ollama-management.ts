/**
 * Ollama's operations that manage models, for the endpoints in `proxy.management_endpoints`: passed on as they are to a
 * single endpoint, combined for several. Only clients within the dashboard's access rules may use them, and never a page
 * of another site. Not registered if no endpoint is named. Uses if present: `callerMeter`.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { bodyLimitOf } from '../../src/config/file/body-limit.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import type { CallServices } from '../../src/dialects/ollama/manage/endpoint-call.ts'
import {
  type ManagementAnswer,
  type ManagementRequest,
  type ManagementRun,
  parseManagementBody,
} from '../../src/dialects/ollama/manage/management.ts'
import { mergeProgress } from '../../src/dialects/ollama/manage/merged-progress.ts'
import {
  type ManagementOperation,
  managementOperations,
} from '../../src/dialects/ollama/manage/operations.ts'
import { relayProgress } from '../../src/dialects/ollama/manage/relayed-progress.ts'
import { answerWhole } from '../../src/dialects/ollama/manage/whole-answers.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { isManageable, managementTargets } from '../../src/endpoints/registry/management-targets.ts'
import { countSegments, targetPath } from '../../src/http/request/target-path.ts'
import { hasUnreadBody } from '../../src/http/request/unread-body.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { outcomeOfStatus } from '../../src/proxy/contract/outcome.ts'
import { type ConcludeServices, concludeRequest } from '../../src/proxy/request/conclude.ts'
import { acceptBytes } from '../http/request-bodies.ts'

/** Reads `proxy.management_endpoints`, and the limit of bodies other than blobs. */
export interface OllamaManagementOptions extends Sections<'proxy' | 'server'> {
  readonly clock?: Clock
}

/** Maximum wait for the model lists of the endpoints that an operation has changed. */
const refreshMs = 5_000

export default fp<OllamaManagementOptions>(
  async function ollamaManagement(app, options) {
    const { proxy, server } = readSections(options, ['proxy', 'server'], ['clock'])
    const clock = options.clock ?? systemClock
    const manager: Manager = {
      names: proxy.managementEndpoints,
      clock,
      calls: { clock, pools: app.upstreamPools, shortages: app.shortages },
      conclude: { clock, stats: app.gatewayStats, hooks: app.requestHooks, meter: app.callerMeter },
    }
    const bases = ['', '/olla/proxy']
    for (const [prefix, name] of app.backendProfiles.prefixes()) {
      if (isManageable(app.backendProfiles.get(name))) bases.push(`/olla/${prefix}`)
    }
    acceptBytes(app, bodyLimitOf(server.requestLimits.maxBodyBytes))
    for (const operation of managementOperations.filter(({ kind }) => kind !== 'blob')) {
      mount(app, manager, bases, operation)
    }
    await app.register(async (blobs) => {
      // A blob is a file of many gigabytes: it goes to the endpoints as it arrives.
      blobs.removeAllContentTypeParsers()
      blobs.addContentTypeParser('*', (_request, payload, parsed) => parsed(null, payload))
      for (const operation of managementOperations.filter(({ kind }) => kind === 'blob')) {
        mount(blobs, manager, bases, operation)
      }
    })
  },
  {
    name: 'gateway-routes-ollama-management',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-buffer-budget',
      'gateway-backend-profiles',
      'gateway-endpoint-registry',
      'gateway-internal-access',
      'gateway-model-discovery',
      'gateway-request-context',
      'gateway-request-hooks',
      'gateway-stats',
      'gateway-upstream-pools',
    ],
  },
)

interface Manager {
  readonly names: readonly string[]
  readonly clock: Clock
  readonly calls: CallServices
  readonly conclude: ConcludeServices
}

function mount(
  app: FastifyInstance,
  manager: Manager,
  bases: readonly string[],
  operation: ManagementOperation,
): void {
  for (const base of bases) {
    app.route({
      method: [...operation.methods],
      url: `${base}${operation.path}`,
      config: { takesAnyBody: operation.kind === 'blob' },
      exposeHeadRoute: false,
      // Runs before the body is read: the answer does not depend on it.
      onRequest: (request, _reply, next) => next(refusal(app, request)),
      handler: (request, reply) =>
        manage(app, manager, operation, countSegments(app.prefix) + countSegments(base), request, reply),
    })
  }
}

/** The same rules as for changes below `/internal`; clients of Ollama cannot send the marker header. */
function refusal(app: FastifyInstance, request: FastifyRequest): GatewayError | undefined {
  const decision = app.internalAccess.decideChange(request)
  if (decision.allowed) return undefined
  const { status, message, retryAfterSeconds } = decision
  const code = status === 401 ? 'unauthorized' : status === 429 ? 'rate_limited' : 'forbidden'
  const reason = message.replace(/^\d+ [a-z ]+: /, '')
  return new GatewayError(code, `Managing models is not allowed: ${reason} (dashboard.access_policy).`, {
    retryAfterSeconds,
  })
}

async function manage(
  app: FastifyInstance,
  { names, clock, calls, conclude }: Manager,
  operation: ManagementOperation,
  stripped: number,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const context = request.gateway
  const { path, query } = targetPath(request.raw.url ?? '/', stripped)
  const { identity } = context
  const endpoints = managementTargets(app.endpointRegistry.snapshot.endpoints, names).filter(
    (endpoint) => identity?.access?.allowsEndpoint(endpoint) !== false,
  )
  const [first] = endpoints
  if (first === undefined) {
    throw new GatewayError('no_endpoints', 'No endpoint matches proxy.management_endpoints.')
  }
  const body = Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : null
  const isBlob = operation.kind === 'blob'
  if (!isBlob) {
    const models = modelsIn(body)
    context.model = models[0]
    const access = identity?.access
    if (access !== undefined && !models.every((each) => access.allowsModel(each)))
      throw new GatewayError('model_not_allowed')
  }
  app.callerMeter?.check(context, context.model)
  context.receivedMs = clock.monotonicMs() - context.startedAtMs
  context.requestBytes = body?.length ?? 0
  context.attemptCount = endpoints.length
  context.endpoint = endpoints.map(({ name }) => name).join(',')
  context.headers.push('X-Olla-Endpoint', endpoints.map(({ name }) => encodeURIComponent(name)).join(','))

  const aborting = new AbortController()
  reply.raw.once('close', () => {
    const isWhole = reply.raw.writableFinished
    if (!isWhole) aborting.abort()
    const status = reply.raw.headersSent ? reply.statusCode : undefined
    context.status = status
    const outcome = isWhole && status !== undefined ? outcomeOfStatus(status) : 'client_closed'
    concludeRequest(conclude, context, outcome, first.slot)
  })
  const run: ManagementRun = {
    services: calls,
    endpoints,
    request: {
      operation,
      method: request.method,
      path,
      query,
      body,
      blob: request.body instanceof Readable ? request.body : undefined,
      headers: headersFor(request, isBlob, app.viaEntry),
    },
    signal: aborting.signal,
    onOutcome({ endpoint, statusCode, failure, durationMs }) {
      if (failure === undefined) return
      const startedMs = clock.monotonicMs() - context.startedAtMs - durationMs
      const reason = failure.slice(0, 1_000)
      context.attempts.push({
        endpoint: endpoint.name,
        startedMs,
        sentMs: startedMs,
        statusCode,
        durationMs,
        reason,
      })
    },
    onBlob(bytes) {
      context.requestBytes = bytes
    },
    succeeded: (changed) => refresh(app, clock, changed),
  }
  const isSingle = endpoints.length === 1
  return answer(
    operation.kind !== 'progress'
      ? await answerWhole(run)
      : await (isSingle ? relayProgress(run, first) : mergeProgress(run)),
    request,
    reply,
  )
}

function answer(
  { statusCode, contentType, body }: ManagementAnswer,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  reply.code(statusCode)
  if (contentType !== undefined) reply.header('Content-Type', contentType)
  // The endpoints may answer before the client has sent everything.
  if (hasUnreadBody(request.raw)) {
    reply.header('Connection', 'close')
    request.raw.resume()
  }
  if (Buffer.isBuffer(body)) request.gateway.responseBytes = body.length
  return reply.send(body)
}

/** The models that an operation concerns. */
function modelsIn(body: Buffer | null): string[] {
  const { model, name, source, destination, from } = parseManagementBody(body)
  return [model, name, source, destination, from].filter(
    (each): each is string => typeof each === 'string' && each !== '',
  )
}

function headersFor({ headers }: FastifyRequest, isBlob: boolean, via: string): ManagementRequest['headers'] {
  const type = isBlob ? 'application/octet-stream' : 'application/json'
  const length = isBlob ? headers['content-length'] : undefined
  return [
    ...['Content-Type', type, 'Accept', 'application/x-ndjson, application/json'],
    ...['Accept-Encoding', 'identity', 'Via', via],
    ...(headers['user-agent'] === undefined ? [] : ['User-Agent', headers['user-agent']]),
    ...(length === undefined ? [] : ['Content-Length', length]),
  ]
}

/** Reads the model lists of changed endpoints. A read that has begun before the change shows the old list. */
async function refresh(app: FastifyInstance, clock: Clock, changed: readonly Endpoint[]): Promise<void> {
  const { modelDiscovery } = app
  if (!modelDiscovery.isRunning) return
  const late = Promise.withResolvers<void>()
  const timer = clock.after(refreshMs, late.resolve)
  const all = changed.map(async ({ slot }) => {
    await modelDiscovery.refresh(slot)
    await modelDiscovery.refresh(slot)
  })
  await Promise.race([Promise.allSettled(all), late.promise])
  timer.cancel()
}
