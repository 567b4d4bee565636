import { availableParallelism } from 'node:os'
import closeWithGrace from 'close-with-grace'
import type { GatewayConfig } from './config/schema.ts'
import type { DrainResult } from './lifecycle/drain.ts'
import { listenQuietly } from './listen.ts'
import type { LogTarget } from './logging/logger.ts'
import type { RunningGateway } from './serving-threads.ts'
import { GcMonitor } from './stats/gc-monitor.ts'
import { readProcess } from './stats/process-reading.ts'
import { processView } from './stats/views/process.ts'

/** What the server needs of the log. */
export type ServerLog = Pick<LogTarget, 'logger' | 'requestLogger' | 'write'> &
  Partial<Pick<LogTarget, 'onLost'>>

export interface ServerOptions {
  readonly config: GatewayConfig
  readonly log: ServerLog
  /** Called once after everything else has stopped. */
  readonly onStopped?: () => Promise<void>
}

/** Time for closing sockets and files after the drain, before the process ends without them. */
const closingMs = 5_000

/**
 * Serves until a signal; resolves once the port is open. The process ends with 0 where all requests had
 * finished, else with 1; a second signal ends it at once.
 */
export async function serve(options: ServerOptions): Promise<{ address: string }> {
  const { config, log } = options
  const { logger } = log
  const collections = new GcMonitor()
  if (config.engineering.show_nerdstats) collections.start()
  const running = await start(config, log)
  const delay = config.server.shutdown_timeout + config.server.shutdown_delay + closingMs
  closeWithGrace({ delay, logger: false }, async ({ signal, err }) => {
    if (err) logger.fatal({ err }, 'unexpected error')
    else logger.info({ signal }, 'stopping')
    const { drained, cut } = await running.close()
    if (config.engineering.show_nerdstats) {
      const own = { thread: 0, reading: readProcess(collections.totals()) }
      logger.info(processView(own, [own], Date.now()), 'process statistics')
    }
    logger.info({ in_flight: drained, cut }, 'stopped')
    await options.onStopped?.()
    // close-with-grace exits with 1 for an error: clients whose answers were cut deserve no less.
    if (cut > 0) throw new Error(`${cut} requests were cut`)
  })
  return { address: running.address }
}

/**
 * Listens, on as many threads as are configured, where the system can share a port between them. What serves is
 * loaded here only where this thread serves, and what controls others only where there are others.
 */
export async function start(config: GatewayConfig, log: ServerLog): Promise<RunningGateway> {
  const wanted = config.server.threads === 'auto' ? availableParallelism() : config.server.threads
  if (wanted === 1) return serveHere(config, log)
  const { serveOnThreads, whyNoSharedPort } = await import('./serving-threads.ts')
  const reason = await whyNoSharedPort(config.server.host)
  if (reason === undefined) {
    return serveOnThreads(wanted, { config, logger: log.logger, writeLines: log.write, onLost: log.onLost })
  }
  log.logger.warn({ threads: wanted, reason }, 'threads cannot share a port here: one thread serves')
  return serveHere(config, log)
}

async function serveHere(
  config: GatewayConfig,
  { logger, requestLogger, onLost }: ServerLog,
): Promise<RunningGateway> {
  let result: DrainResult = { drained: 0, cut: 0 }
  const { createHttpServer } = await import('./http-server.ts')
  const app = await createHttpServer({
    config,
    logger,
    requestLogger,
    onLostLines: onLost,
    onDrained(drained) {
      result = drained
    },
  })
  const address = await listenQuietly(app, logger, { host: config.server.host, port: config.server.port })
  return {
    address,
    async close() {
      await app.close()
      return result
    },
  }
}
