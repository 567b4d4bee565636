import closeWithGrace from 'close-with-grace'
import Fastify from 'fastify'
import type { Logger } from 'pino'
import type { GatewayConfig } from './config/schema.ts'
import gateway from './gateway.ts'
import type { DrainResult } from './lifecycle/drain.ts'
import type { RequestLogger } from './logging/line-logger.ts'
import { GcMonitor } from './stats/gc-monitor.ts'
import { readProcess } from './stats/process-reading.ts'
import { processView } from './stats/views/process.ts'

export interface ServerOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  /** For the lines of requests. */
  readonly requestLogger: RequestLogger
  /** Called once after everything else has stopped. */
  readonly onStopped?: () => Promise<void>
}

/** Time for closing sockets and files after the drain, before the process ends without them. */
const closingMs = 5_000

/** The process's own Fastify, with what only the owner of a listener can set. */
async function createServer(
  { config, logger, requestLogger }: ServerOptions,
  onDrained: (result: DrainResult) => void,
) {
  const { server, proxy } = config
  const app = Fastify({
    // With a logger Fastify makes a child for each request and watches each response for lines of its own.
    logger: false,
    bodyLimit: server.request_limits.max_body_size,
    requestTimeout: server.read_timeout,
    keepAliveTimeout: server.idle_timeout || server.read_timeout || 72_000,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    http: {
      headersTimeout: server.read_header_timeout || 60_000,
      // Above the configured limit, so that the gateway's own check answers, with a request ID.
      maxHeaderSize: Math.max(4096, server.request_limits.max_header_size) * 2,
      highWaterMark: Math.max(1024, proxy.stream_buffer_size),
    },
  })
  app.log = logger
  await app.register(gateway, { config, requestLogger, onDrained })
  return app
}

/**
 * Serves until a signal; resolves once the port is open. The process ends with 0 where all requests had
 * finished, else with 1; a second signal ends it at once.
 */
export async function serve(options: ServerOptions): Promise<{ address: string }> {
  const { config, logger } = options
  let drained: DrainResult | undefined
  const collections = new GcMonitor()
  if (config.engineering.show_nerdstats) collections.start()
  const app = await createServer(options, (result) => {
    drained = result
  })
  const address = await app.listen({ host: config.server.host, port: config.server.port })
  const delay = config.server.shutdown_timeout + config.server.shutdown_delay + closingMs
  closeWithGrace({ delay, logger: false }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'unexpected error')
    else logger.info({ signal }, 'stopping')
    await app.close()
    const cut = drained?.cut ?? 0
    if (config.engineering.show_nerdstats) {
      logger.info(processView(readProcess(collections.totals()), Date.now()), 'process statistics')
    }
    logger.info({ in_flight: drained?.drained ?? 0, cut }, 'stopped')
    await options.onStopped?.()
    // close-with-grace exits with 1 for an error: clients whose answers were cut deserve no less.
    if (cut > 0) throw new Error(`${cut} requests were cut`)
  })
  return { address }
}
