import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyServerOptions } from 'fastify'
import type { Logger } from 'pino'
import { rootRoute } from '../../routes/admin/root.ts'
import type { ThreadOfSeveral } from '../base.ts'
import { bodyLimitOf } from '../config/file/body-limit.ts'
import type { GatewayConfig, ServerConfig } from '../config/schema/schema.ts'
import { dialectOf } from '../dialects/requests/dialect.ts'
import { parserRefusal, wholeRefusal } from '../dialects/requests/parser-refusal.ts'
import gateway, { type GatewayOptions } from '../gateway.ts'
import { serveNoMore } from '../http/connections/closing-connections.ts'
import { ConnectionLimit } from '../http/connections/connection-limit.ts'
import { lingerOnClose } from '../http/connections/lingering-close.ts'
import { LostClients } from '../http/connections/lost-clients.ts'
import { refuseConnection } from '../http/connections/refuse-connection.ts'
import { SlowHeads } from '../http/connections/slow-heads.ts'
import { tcpKeepAlive } from '../http/connections/tcp-keep-alive.ts'
import { createRequestIds } from '../http/request/request-id.ts'
import { takeOriginForm } from '../http/request/request-target.ts'
import { allMethods, maxHeaderFields, refusalOfHead } from '../http/request/strict-head.ts'
import { Http1Server } from '../http/server/server.ts'
import { systemClock } from '../kernel/clock.ts'
import { GatewayError } from '../kernel/errors.ts'
import { version } from '../kernel/package.ts'
import type { RequestLogger } from '../observe/logging/line-logger.ts'
import { toGatewayError } from '../proxy/request/error-mapping.ts'
import type { DrainResult } from '../runtime/lifecycle/drain.ts'

export interface HttpServerOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  /** For the lines of requests. */
  readonly requestLogger: RequestLogger
  readonly thread?: ThreadOfSeveral | undefined
  /** Most connections of clients on this thread; 0 is no limit. */
  readonly maxConnections: number
  /** Begins the drain; the app is closed when that is over. */
  readonly drainSignal: AbortSignal
  readonly onDrained: (result: DrainResult) => void
  readonly onLostLines?: GatewayOptions['onLostLines']
}

/** A thread's own Fastify, with what only the owner of a listener can set. */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { config, logger, requestLogger, thread, maxConnections, drainSignal, onDrained, onLostLines } =
    options
  const limit = new ConnectionLimit({ max: maxConnections, clock: systemClock })
  const app = Fastify({
    // With a logger Fastify makes a child for each request and watches each response for lines of its own.
    logger: false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    ...listenerOptions(config, limit),
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
    ownsProcess: true,
  })
  return app
}

/** Inside of a host application the root is the host's. */
export function addRootRoutes(app: FastifyInstance, hasDashboard = true): void {
  const nextId = createRequestIds()
  app.register(function root(scope, _options, done) {
    // The hooks of the gateway are of its own scope.
    scope.addHook('onRequest', function refuseHead({ raw }, reply, next) {
      const error = refusalOfHead(raw)
      if (error === undefined) {
        next()
        return
      }
      refuse(error, raw, reply, nextId())
    })
    rootRoute(scope, { version, hasDashboard })
    // `OPTIONS *` asks what the server as a whole can do (RFC 9110 section 9.3.7).
    scope.options('/', (_request, reply) => reply.code(204).header('Allow', allMethods).send())
    done()
  })
}

/** Answers where the gateway's hooks have not run, and ends the connection. */
function refuse(error: GatewayError, { url = '/' }: IncomingMessage, reply: FastifyReply, id: string): void {
  serveNoMore(reply.raw.req.socket)
  reply.code(error.statusCode).header('X-Olla-Request-ID', id)
  for (let at = 0; at < error.headers.length; at += 2)
    reply.header(error.headers[at] ?? '', error.headers[at + 1])
  reply.header('Connection', 'close').type('application/json; charset=utf-8')
  reply.send(JSON.stringify(dialectOf(url).errors.body(error, id)))
}

/** What Fastify needs for the listener as the gateway's own process has it. */
export function listenerOptions(
  config: GatewayConfig,
  limit?: ConnectionLimit,
): Pick<
  FastifyServerOptions,
  'bodyLimit' | 'serverFactory' | 'rewriteUrl' | 'frameworkErrors' | 'clientErrorHandler'
> {
  const nextId = createRequestIds()
  const create = serverFor(config)
  const lost = lostClients(config.server)
  let listener: Server | undefined
  return {
    bodyLimit: bodyLimitOf(config.server),
    serverFactory(handler) {
      listener = create(handler)
      limit?.add(listener)
      lost?.add(listener)
      return listener
    },
    // Before it is routed, so that every route sees one form of it.
    rewriteUrl(request) {
      const { url } = request
      takeOriginForm(request)
      return url === '*' && request.method === 'OPTIONS' ? '/' : (request.url ?? '/')
    },
    // A path that the router cannot read meets no hook.
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

const tcpTables = ['/proc/net/tcp', '/proc/net/tcp6']

/** @returns undefined where nothing looks for clients that have vanished */
function lostClients({ tcp_user_timeout: timeoutMs }: ServerConfig): LostClients | undefined {
  if (timeoutMs === 0 || process.platform !== 'linux') return undefined
  const read = () => Promise.all(tcpTables.map((file) => readFile(file, 'latin1').catch(() => '')))
  return new LostClients({ timeoutMs, clock: systemClock, read })
}

/** What accepts connections; for Fastify's `serverFactory`. */
export function serverFor({ server, proxy }: GatewayConfig): (handler: RequestListener) => Server {
  const options = {
    keepAliveTimeout: server.idle_timeout || server.read_timeout || 72_000,
    // Node exchanges the two where the one for the head is longer.
    headersTimeout: Math.min(server.read_header_timeout || 60_000, server.read_timeout || 60_000),
    // Above the configured limit, so that the gateway's own check answers, with a request ID.
    maxHeaderSize: Math.max(4096, server.request_limits.max_header_size) * 2,
    // Node looks every 30 s by default, which is longer than a head may take.
    connectionsCheckingInterval: 1_000,
    // Node's own refusal has no body and no request ID.
    requireHostHeader: false,
    highWaterMark: Math.max(1024, proxy.stream_buffer_size),
    // A client that has vanished says nothing: without this a silent generation would hold its endpoint until its end.
    ...tcpKeepAlive(server.tcp_keep_alive),
  }
  const nextId = createRequestIds()
  return (handler) => {
    const created =
      server.http_server === 'own'
        ? new Http1Server(
            {
              ...options,
              stallMs: proxy.read_timeout,
              allowHalfOpen: server.allow_half_open,
              clock: systemClock,
            },
            handler,
          )
        : createServer(options, handler)
    // Among the options it could not be shorter than the limit for the head.
    created.requestTimeout = server.read_timeout
    // Node documents no option for it (`lib/_http_server.js`).
    if (server.allow_half_open) Reflect.set(created, 'httpAllowHalfOpen', true)
    const isOpen = (): boolean => created.listening
    // Beyond its own limit Node drops header fields without a word.
    created.maxHeadersCount = 2 * maxHeaderFields
    if (!(created instanceof Http1Server)) {
      const slowHeads = new SlowHeads(created, systemClock)
      created.on('connection', (socket) => {
        slowHeads.add(socket)
        lingerOnClose(socket, systemClock, isOpen)
      })
    }
    // A client with `HTTPS_PROXY` set takes the gateway for a proxy.
    created.on('connect', ({ url = '/' }, socket) => {
      const error = new GatewayError('method_not_allowed', undefined, { headers: ['Allow', allMethods] })
      // Node's server has taken its own listener off, and an error without one ends the process.
      socket.on('error', ignore)
      if (socket instanceof Socket)
        refuseConnection(socket, wholeRefusal(error, url, nextId()), systemClock, isOpen)
    })
    return created
  }
}

function ignore(): void {}
