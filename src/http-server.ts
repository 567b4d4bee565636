import { createServer, type RequestListener, type Server } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { ThreadOfSeveral } from './base.ts'
import { systemClock } from './clock.ts'
import type { GatewayConfig } from './config/schema.ts'
import gateway from './gateway.ts'
import { Http1Server } from './http1-server/server.ts'
import type { DrainResult } from './lifecycle/drain.ts'
import type { RequestLogger } from './logging/line-logger.ts'
import { version } from './package.ts'

export interface HttpServerOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  /** For the lines of requests. */
  readonly requestLogger: RequestLogger
  readonly thread?: ThreadOfSeveral | undefined
  readonly onDrained: (result: DrainResult) => void
}

/** A thread's own Fastify, with what only the owner of a listener can set. */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { config, logger, requestLogger, thread, onDrained } = options
  const { server } = config
  const app = Fastify({
    // With a logger Fastify makes a child for each request and watches each response for lines of its own.
    logger: false,
    bodyLimit: server.request_limits.max_body_size,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    serverFactory: serverFor(config),
  })
  app.log = logger
  // Clients ask here whether anybody is there; inside of a host application the path is the host's.
  app.get('/', () => ({ name: 'olla-gateway', version }))
  await app.register(gateway, { config, requestLogger, onDrained, thread, ownsProcess: true })
  return app
}

/** What accepts connections; for Fastify's `serverFactory`. */
export function serverFor({ server, proxy }: GatewayConfig): (handler: RequestListener) => Server {
  const options = {
    keepAliveTimeout: server.idle_timeout || server.read_timeout || 72_000,
    headersTimeout: server.read_header_timeout || 60_000,
    // Above the configured limit, so that the gateway's own check answers, with a request ID.
    maxHeaderSize: Math.max(4096, server.request_limits.max_header_size) * 2,
    highWaterMark: Math.max(1024, proxy.stream_buffer_size),
  }
  return (handler) => {
    const created =
      server.http_server === 'own'
        ? new Http1Server({ ...options, stallMs: proxy.read_timeout, clock: systemClock }, handler)
        : createServer(options, handler)
    // Among the options it could not be shorter than the limit for the head.
    created.requestTimeout = server.read_timeout
    return created
  }
}
