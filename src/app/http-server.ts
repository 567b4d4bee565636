import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyServerOptions } from 'fastify'
import type { Logger } from 'pino'
import { rootRoute } from '../../routes/admin/root.ts'
import type { ThreadOfSeveral } from '../base.ts'
import { bodyLimitOf } from '../config/file/body-limit.ts'
import type { GatewayConfig } from '../config/schema/schema.ts'
import { dialectOf } from '../dialects/requests/dialect.ts'
import { parserRefusal, wholeRefusal } from '../dialects/requests/parser-refusal.ts'
import gateway, { type GatewayOptions } from '../gateway.ts'
import { serveNoMore } from '../http/connections/closing-connections.ts'
import { refuseConnection } from '../http/connections/refuse-connection.ts'
import { createRequestIds } from '../http/request/request-id.ts'
import { takeOriginForm } from '../http/request/request-target.ts'
import { allMethods, refusalOfHead } from '../http/request/strict-head.ts'
import { nodeHttpServer, ollaHttpServer } from '../http/server/factory.ts'
import { httpServerOptions } from '../http-server.ts'
import { systemClock } from '../kernel/clock.ts'
import { GatewayError } from '../kernel/errors.ts'
import { version } from '../kernel/package.ts'
import type { RequestLogger } from '../observe/logging/line-logger.ts'
import { toGatewayError } from '../proxy/request/error-mapping.ts'
import type { DrainResult } from '../runtime/lifecycle/drain.ts'

export interface HttpServerOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  /** Writes the request log. */
  readonly requestLogger: RequestLogger
  readonly thread?: ThreadOfSeveral | undefined
  /** Maximum client connections on this thread; 0 is unlimited. */
  readonly maxConnections: number
  /** Begins the drain, after which the app closes. */
  readonly drainSignal: AbortSignal
  readonly onDrained: (result: DrainResult) => void
  readonly onLostLines?: GatewayOptions['onLostLines']
  readonly configSource?: GatewayOptions['configSource']
  readonly onConfigControl?: GatewayOptions['onConfigControl']
}

/**
 * Creates a Fastify instance for a standalone process or thread, with the settings that only the owner of a listener
 * can make.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { config, logger, requestLogger, thread, maxConnections, drainSignal, onDrained, onLostLines } =
    options
  const { configSource, onConfigControl } = options
  const app = Fastify({
    // With a logger Fastify would create a child logger per request and log each response itself.
    logger: false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    ...listenerOptions(config, maxConnections),
  })
  app.log = logger
  addRootRoutes(app, config.dashboard.enabled)
  await app.register(gateway, {
    config,
    requestLogger,
    drainSignal,
    onDrained,
    onLostLines,
    thread,
    configSource,
    onConfigControl,
    ownsProcess: true,
  })
  return app
}

/** Adds routes at the root, which belongs to the host when the gateway is embedded. */
export function addRootRoutes(app: FastifyInstance, hasDashboard = true): void {
  const nextId = createRequestIds()
  app.register(function root(scope, _options, done) {
    // The gateway's hooks are encapsulated in its own scope.
    scope.addHook('onRequest', function refuseHead({ raw }, reply, next) {
      const error = refusalOfHead(raw)
      if (error === undefined) {
        next()
        return
      }
      refuse(error, raw, reply, nextId())
    })
    rootRoute(scope, { version, hasDashboard })
    // `OPTIONS *` asks about the server as a whole (RFC 9110 section 9.3.7).
    scope.options('/', (_request, reply) => reply.code(204).header('Allow', allMethods).send())
    done()
  })
}

/** Replies where the gateway's hooks have not run, and closes the connection. */
function refuse(error: GatewayError, { url = '/' }: IncomingMessage, reply: FastifyReply, id: string): void {
  serveNoMore(reply.raw.req.socket)
  reply.code(error.statusCode).header('X-Olla-Request-ID', id)
  for (let at = 0; at < error.headers.length; at += 2)
    reply.header(error.headers[at] ?? '', error.headers[at + 1])
  reply.header('Connection', 'close').type('application/json; charset=utf-8')
  reply.send(JSON.stringify(dialectOf(url).errors.body(error, id)))
}

/** Fastify options for the listener of a standalone gateway. */
export function listenerOptions(
  config: GatewayConfig,
  maxConnections = 0,
): Pick<
  FastifyServerOptions,
  'bodyLimit' | 'serverFactory' | 'rewriteUrl' | 'frameworkErrors' | 'clientErrorHandler'
> {
  const nextId = createRequestIds()
  const create = serverFor(config, maxConnections)
  let listener: Server | undefined
  return {
    bodyLimit: bodyLimitOf(config.server.request_limits.max_body_size),
    serverFactory(handler) {
      listener = create(handler)
      return listener
    },
    // Runs before routing, so that every route sees one form of the URL.
    rewriteUrl(request) {
      const { url } = request
      takeOriginForm(request)
      return url === '*' && request.method === 'OPTIONS' ? '/' : (request.url ?? '/')
    },
    // Hooks do not run for a path that the router cannot parse.
    frameworkErrors(error, { raw }, reply) {
      const refusal = refusalOfHead(raw)
      refuse(refusal ?? toGatewayError(error), raw, reply, nextId())
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || socket.destroyed) return
      const isOpen = () => listener?.listening === true
      refuseConnection(socket, parserRefusal(error, nextId()), systemClock, isOpen)
    },
  }
}

/** Creates the configured server; for Fastify's `serverFactory`. */
export function serverFor(
  config: GatewayConfig,
  maxConnections: number,
): (handler: RequestListener) => Server {
  const options = httpServerOptions(config, maxConnections)
  const create = config.server.http_server === 'own' ? ollaHttpServer(options) : nodeHttpServer(options)
  const nextId = createRequestIds()
  return (handler) => {
    // Node's own refusal has no body and no request ID.
    const server = create(handler, { http: { requireHostHeader: false } })
    const isOpen = (): boolean => server.listening
    // A client with `HTTPS_PROXY` set mistakes the gateway for a proxy.
    server.on('connect', ({ url = '/' }, socket) => {
      const error = new GatewayError('method_not_allowed', undefined, { headers: ['Allow', allMethods] })
      // Node has removed its own listener from the socket, and an error without a listener ends the process.
      socket.on('error', ignore)
      if (socket instanceof Socket)
        refuseConnection(socket, wholeRefusal(error, url, nextId()), systemClock, isOpen)
    })
    return server
  }
}

function ignore(): void {}
