import { availableParallelism } from 'node:os'
import type { GatewayConfig } from './config/schema.ts'
import { mostConnections } from './http1-server/descriptors.ts'
import type { DrainResult } from './lifecycle/drain.ts'
import { listenQuietly } from './listen.ts'
import type { LogTarget } from './logging/logger.ts'
import { runUntilStopped } from './process/run-until-stopped.ts'
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
  /** Called once after everything else has stopped. @returns whether nothing blocks a thread any more */
  readonly onStopped?: () => Promise<boolean>
}

/** Time for closing sockets and files after the drain, before the process ends without them. */
const closingMs = 5_000

/**
 * Serves until a signal; resolves once the port is open, and not at all where it is told to stop before. The process ends
 * with 0 where all requests had finished, else with 1; a second signal ends it at once.
 */
export async function serve({ config, log, onStopped }: ServerOptions): Promise<{ address: string }> {
  const { logger } = log
  const collections = new GcMonitor()
  if (config.engineering.show_nerdstats) collections.start()
  const { shutdown_delay: delayMs, shutdown_timeout: timeoutMs } = config.server
  return runUntilStopped({
    limitMs: delayMs + timeoutMs + closingMs,
    logger,
    start: (signal) => start(config, log, signal),
    async onClosed({ drained, cut }) {
      if (config.engineering.show_nerdstats) {
        const own = { thread: 0, reading: readProcess(collections.totals()) }
        logger.info(processView(own, [own], Date.now()), 'process statistics')
      }
      logger.info({ in_flight: drained, cut }, 'stopped')
      return (await onStopped?.()) ?? true
    },
  })
}

/**
 * Listens, on as many threads as are configured, where the system can share a port between them. What serves is
 * loaded here only where this thread serves, and what controls others only where there are others.
 * @param signal aborted where the gateway is told to stop meanwhile: it then does not listen, or no longer
 */
export async function start(
  config: GatewayConfig,
  log: ServerLog,
  signal?: AbortSignal,
): Promise<RunningGateway> {
  const wanted = config.server.threads === 'auto' ? availableParallelism() : config.server.threads
  const { logger, write, onLost } = log
  const maxConnections = mostConnections(config.server.max_connections, wanted, (message) =>
    logger.warn(message),
  )
  if (wanted === 1) return serveHere(config, log, maxConnections, signal)
  const { serveOnThreads, whyNoSharedPort } = await import('./serving-threads.ts')
  const reason = await whyNoSharedPort(config.server.host)
  if (reason === undefined) {
    return serveOnThreads(wanted, { config, logger, writeLines: write, onLost, signal, maxConnections })
  }
  logger.warn({ threads: wanted, reason }, 'threads cannot share a port here: one thread serves')
  return serveHere(config, log, maxConnections, signal)
}

async function serveHere(
  config: GatewayConfig,
  { logger, requestLogger, onLost }: ServerLog,
  maxConnections: number,
  signal: AbortSignal | undefined,
): Promise<RunningGateway> {
  let result: DrainResult = { drained: 0, cut: 0 }
  const { createHttpServer } = await import('./http-server.ts')
  const app = await createHttpServer({
    config,
    logger,
    requestLogger,
    onLostLines: onLost,
    maxConnections,
    onDrained(drained) {
      result = drained
    },
  })
  const { host, port } = config.server
  const address = signal?.aborted === true ? '' : await listenQuietly(app, logger, { host, port })
  return {
    address,
    async close() {
      await app.close()
      return result
    },
  }
}
