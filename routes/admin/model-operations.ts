/**
 * `/internal/admin/models/{model}/load`, `/unload`, `/pull`, `/sleep`, `/wake`, `/load-adapter`, `/unload-adapter` and
 * `DELETE`: operations on models at endpoints; `/internal/admin/models`: what each endpoint can do and has;
 * `/internal/admin/operations`: those under way and the last ones. Depends on the link to the control thread, which runs
 * them, and on what knows endpoints.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { parseDuration } from '../../src/config/file/decode.ts'
import type { OperationKind, OperationOrder } from '../../src/endpoints/operations/contract/operation.ts'
import {
  awaitTopic,
  cancelTopic,
  operationsTopic,
  startTopic,
} from '../../src/endpoints/operations/contract/topics.ts'
import { kindsOf } from '../../src/endpoints/operations/targets.ts'
import { countSegments, targetPath } from '../../src/http/request/target-path.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { checkModelName } from '../../src/kernel/names/model-name.ts'
import {
  EndpointModelsSchema,
  endpointModelsView,
  OperationSchema,
  OperationsSchema,
  operationQuery,
  operationsView,
  operationView,
  StartedOperationsSchema,
  startedView,
} from '../../src/observe/views/operations.ts'
import { actorOf, changes, neverStored, shows } from './admin-routes.ts'
import { ignoreBodies } from './any-method.ts'
import { OperationStreams } from './operation-streams.ts'

type Value = string | string[] | undefined
interface Query {
  readonly endpoint?: Value
  readonly force?: Value
  readonly wait?: Value
  readonly keep_alive?: Value
  readonly level?: Value
  readonly adapter?: Value
  readonly path?: Value
}

const base = '/internal/admin/models'
const operationsUrl = '/internal/admin/operations'
/** Of a POST, by the last part of its path. */
const kindsByWord: ReadonlyMap<string, OperationKind> = new Map([
  ['load', 'load'],
  ['unload', 'unload'],
  ['pull', 'pull'],
  ['sleep', 'sleep'],
  ['wake', 'wake'],
  ['load-adapter', 'load_adapter'],
  ['unload-adapter', 'unload_adapter'],
])
const maxWaitMs = 3_600_000
/** For the messages between threads. */
const graceMs = 5_000

export default fp(
  function modelOperationRoutes(app, _options, done) {
    const { gatewayPeers: link } = app
    const streams = new OperationStreams({
      events: app.gatewayEvents,
      whenOver: (ids, waitMs) => link.requestControl(awaitTopic, { ids, waitMs }, waitMs + graceMs),
    })
    app.gatewayLifecycle.onClosing(() => streams.end())
    ignoreBodies(app)
    neverStored(app)
    const schema = {
      querystring: operationQuery,
      response: { 200: StartedOperationsSchema, 202: StartedOperationsSchema },
    }

    app.get(base, shows({ response: { 200: EndpointModelsSchema } }), () => endpointModels())
    for (const word of kindsByWord.keys()) app.post(`${base}/:model/${word}`, changes(schema), post)
    app.delete(`${base}/:model`, changes(schema), (request, reply) =>
      order(request, reply, 'delete', nameIn(request)),
    )
    // Names of models may have slashes, and be longer than the parameter of a path.
    app.post(`${base}/*`, changes({}), post)
    app.delete(`${base}/*`, changes({}), (request, reply) => order(request, reply, 'delete', nameIn(request)))

    app.get(operationsUrl, shows({ response: { 200: OperationsSchema } }), async () => {
      const status = await link.requestControl(operationsTopic, undefined)
      if (status === undefined) throw new GatewayError('out_of_resources')
      return operationsView(status)
    })
    app.get<{ Params: { id: string }; Querystring: Query }>(
      `${operationsUrl}/:id`,
      shows({ response: { 200: OperationSchema } }),
      async ({ params: { id }, query }) => {
        const waitMs = waitOf(query.wait)
        const [found] = (await link.requestControl(awaitTopic, { ids: [id], waitMs }, waitMs + graceMs)) ?? []
        if (found === undefined) throw unknownOperation()
        return operationView(found)
      },
    )
    app.delete<{ Params: { id: string } }>(
      `${operationsUrl}/:id`,
      changes({ response: { 200: OperationSchema } }),
      async (request) => {
        const wanted = { id: request.params.id, by: actorOf(request) }
        const found = await link.requestControl(cancelTopic, wanted)
        if (found === undefined) throw unknownOperation()
        return operationView(found)
      },
    )
    done()

    function post(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
      const path = nameIn(request)
      const at = path.lastIndexOf('/')
      const kind = kindsByWord.get(path.slice(at + 1))
      if (kind === undefined) throw new GatewayError('not_found')
      return order(request, reply, kind, path.slice(0, Math.max(0, at)))
    }

    async function order(
      request: FastifyRequest,
      reply: FastifyReply,
      kind: OperationKind,
      model: string,
    ): Promise<FastifyReply> {
      const query = request.query as Query
      const wanted = orderOf(kind, model, query, actorOf(request))
      const waitMs = waitOf(query.wait)
      const form = OperationStreams.formOf(request.headers.accept)
      const stream = form === undefined ? undefined : streams.open(form)
      const started = await link.requestControl(startTopic, wanted, graceMs)
      if (started === undefined) {
        stream?.close()
        throw new GatewayError('out_of_resources')
      }
      const [first] = started.refused
      if (started.operations.length === 0 && first !== undefined) {
        stream?.close()
        throw new GatewayError(first.code, started.refused.map(({ reason }) => reason).join(' '))
      }
      if (stream !== undefined) return stream.send(reply, started)
      const ids = started.operations.map(({ id }) => id)
      const now =
        waitMs === 0 ? undefined : await link.requestControl(awaitTopic, { ids, waitMs }, waitMs + graceMs)
      const operations = now ?? started.operations
      if (operations.every(({ state }) => state === 'failed')) {
        const reasons = operations.map(({ endpoint, detail }) => `${endpoint}: ${detail}`)
        throw new GatewayError('upstream_failed', reasons.join('; '))
      }
      const isRunning = operations.some(({ state }) => state === 'running')
      return reply.code(isRunning ? 202 : 200).send(startedView({ ...started, operations }))
    }

    /** The rest of the path as the client sent it: a name may have slashes, escaped or not. */
    function nameIn(request: FastifyRequest): string {
      const { path } = targetPath(request.raw.url ?? '/', countSegments(app.prefix) + countSegments(base))
      try {
        return decodeURIComponent(path.slice(1))
      } catch {
        throw new GatewayError('invalid_path', 'The path is not valid.')
      }
    }

    async function endpointModels() {
      const { byEndpoint } = app.modelCatalog.snapshot
      return endpointModelsView(
        app.endpointRegistry.snapshot.endpoints.map((endpoint) => ({
          endpoint: endpoint.name,
          type: endpoint.profile?.name,
          kinds: kindsOf(endpoint),
          isAlwaysLoaded: endpoint.profile?.alwaysLoaded === true,
          models: byEndpoint.get(endpoint.slot)?.models ?? [],
        })),
      )
    }
  },
  {
    name: 'gateway-routes-model-operations',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-lifecycle',
      'gateway-endpoint-registry',
      'gateway-model-discovery',
      'gateway-internal-access',
      'gateway-request-context',
    ],
  },
)

function orderOf(kind: OperationKind, model: string, query: Query, by: string): OperationOrder {
  if (model === '') throw new GatewayError('invalid_request', 'The path names no model.')
  checkModelName(model)
  const one = (key: keyof Query) => {
    const value = query[key]
    return Array.isArray(value) ? value[0] : value
  }
  const force = one('force') ?? 'false'
  if (force !== 'true' && force !== 'false')
    throw new GatewayError('invalid_request', 'force must be true or false.')
  const level = one('level')
  if (level !== undefined && level !== '1' && level !== '2')
    throw new GatewayError('invalid_request', 'level must be 1 or 2.')
  const adapter = one('adapter')
  const path = one('path')
  const isOfAdapter = kind === 'load_adapter' || kind === 'unload_adapter'
  if (isOfAdapter && (adapter === undefined || adapter === ''))
    throw new GatewayError('invalid_request', 'adapter must name the LoRA adapter.')
  if (kind === 'load_adapter' && (path === undefined || path === ''))
    throw new GatewayError('invalid_request', 'path must say where the engine finds the adapter.')
  const names = [query.endpoint ?? []].flat().flatMap((text) => text.split(','))
  return {
    kind,
    model,
    endpoints: query.endpoint === undefined ? undefined : names.filter((name) => name !== ''),
    isForced: force === 'true',
    by,
    adapter: isOfAdapter ? adapter : undefined,
    path: kind === 'load_adapter' ? path : undefined,
    level: level === undefined ? undefined : Number(level),
    keepAlive: keepAliveOf(one('keep_alive')),
  }
}

function keepAliveOf(text: string | undefined): string | number | undefined {
  if (text === undefined) return undefined
  if (/^[-+]?\d{1,9}$/.test(text)) return Number(text)
  if (parseDuration(text) === undefined)
    throw new GatewayError(
      'invalid_request',
      'keep_alive must be a number of seconds or a duration such as 5m.',
    )
  return text
}

function waitOf(value: Value): number {
  const text = Array.isArray(value) ? value[0] : value
  const waitMs = parseDuration(text ?? '0s')
  if (waitMs === undefined || waitMs < 0 || waitMs > maxWaitMs)
    throw new GatewayError('invalid_request', 'wait must be a duration of at most 1h, such as 60s.')
  return waitMs
}

function unknownOperation(): GatewayError {
  return new GatewayError('not_found', 'No such operation is known.')
}
