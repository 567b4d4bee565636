import { availableParallelism } from 'node:os'
import type { GatewayConfig } from '../config/schema/schema.ts'
import { connectionLimit } from '../http/connections/descriptors.ts'
import { systemClock } from '../kernel/clock.ts'
import type { LogTarget } from '../observe/logging/logger.ts'
import { GcMonitor } from '../observe/stats/gc-monitor.ts'
import { readProcess } from '../observe/stats/process-reading.ts'
import { processView } from '../observe/views/process.ts'
import type { ConfigControl } from '../runtime/configuration/control.ts'
import type { ConfigSource } from '../runtime/configuration/reloads.ts'
import { createDrainable } from '../runtime/lifecycle/drainable.ts'
import { Guard } from '../runtime/process/guard.ts'
import { Heartbeats, keepBeating } from '../runtime/process/heartbeat.ts'
import { ServiceManager } from '../runtime/process/service-manager.ts'
import { systemdNotify } from '../runtime/process/systemd-notify.ts'
import { listenQuietly } from './listen.ts'
import { assertFree, whyNoSharedPort } from './port-checks.ts'
import { runUntilStopped } from './run-until-stopped.ts'
import type { RunningGateway } from './serving-threads.ts'

/** The parts of the log that the server uses. */
export type ServerLog = Pick<LogTarget, 'logger' | 'requestLogger' | 'write'> &
  Partial<Pick<LogTarget, 'onLost'>>

export interface ServerOptions {
  readonly config: GatewayConfig
  readonly log: ServerLog
  /** Where the configuration can be loaded again. */
  readonly source?: ConfigSource | undefined
  /** Called once after everything else has stopped. @returns whether no thread is blocked */
  readonly onStopped?: () => Promise<boolean>
}

/** Time for closing sockets and files after the drain, before the process exits regardless. */
const closingMs = 5_000
/** Further time for the exit, before the guard thread kills the process. */
const guardMs = 3_000

/**
 * Serves until a signal. Resolves once the listener is open, and never if the gateway must stop before that. The exit
 * code is 0 if all requests finished, otherwise 1; a second signal ends the process at once. A thread that hangs is
 * terminated, see `server.watchdog_timeout`.
 */
export async function serve({ config, log, source, onStopped }: ServerOptions): Promise<{ address: string }> {
  const { logger } = log
  const collections = new GcMonitor()
  if (config.engineering.show_nerdstats) collections.start()
  const { shutdown_delay: delayMs, shutdown_timeout: timeoutMs, watchdog_timeout: watchdogMs } = config.server
  const threads = threadsOf(config)
  // With several threads, the main thread is the last.
  const main = threads === 1 ? 0 : threads
  const beats = Heartbeats.allocate(main + 1)
  const guard = new Guard({ beats, main, timeoutMs: watchdogMs })
  if (watchdogMs > 0) {
    const inspector = process.features.inspector ? process.getBuiltinModule('node:inspector') : undefined
    keepBeating(new Heartbeats(beats), main, watchdogMs, () => inspector?.url() !== undefined)
  }
  const limitMs = delayMs + timeoutMs + closingMs
  const manager = ServiceManager.of({
    env: process.env,
    pid: process.pid,
    clock: systemClock,
    send: systemdNotify,
    onFailure: (err) => logger.warn({ err }, 'the service manager could not be notified'),
  })
  return runUntilStopped({
    limitMs,
    logger,
    async start(signal) {
      const running = await start(config, log, signal, beats, source)
      // Serving threads watch this one, too.
      if (watchdogMs > 0 && running.watchesMain !== true) guard.start()
      if (!signal.aborted)
        manager?.ready(`listening on ${running.address}`, () => running.isResponsive?.() ?? true)
      return running
    },
    onStopping() {
      guard.endAfter(limitMs + guardMs)
      manager?.stopping(limitMs + guardMs)
    },
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

function threadsOf({ server }: GatewayConfig): number {
  return server.threads === 'auto' ? availableParallelism() : server.threads
}

/**
 * Listens, on as many threads as configured, if the system can share a port between them. Loads the serving modules
 * only if this thread serves, and the control modules only if there are other threads.
 * @param signal aborted if the gateway must stop: it then does not start listening, or closes
 * @param beats of `Heartbeats`, for all threads
 * @param source where the configuration can be loaded again
 */
export async function start(
  config: GatewayConfig,
  log: ServerLog,
  signal?: AbortSignal,
  beats?: SharedArrayBuffer,
  source?: ConfigSource,
): Promise<RunningGateway> {
  const wanted = threadsOf(config)
  const { logger, write, onLost } = log
  const maxConnections = connectionLimit(config.server.max_connections, wanted, (message) =>
    logger.warn(message),
  )
  if (wanted === 1) return serveHere(config, log, maxConnections, signal, source)
  const reason = await whyNoSharedPort(config.server.host)
  if (reason === undefined) {
    const { serveOnThreads } = await import('./serving-threads.ts')
    return serveOnThreads(wanted, {
      config,
      logger,
      writeLines: write,
      onLost,
      signal,
      maxConnections,
      beats,
      source,
    })
  }
  logger.warn({ threads: wanted, reason }, 'threads cannot share a port on this system: one thread serves')
  return serveHere(config, log, maxConnections, signal, source)
}

async function serveHere(
  config: GatewayConfig,
  { logger, requestLogger, onLost }: ServerLog,
  maxConnections: number,
  signal: AbortSignal | undefined,
  source: ConfigSource | undefined,
): Promise<RunningGateway> {
  const { host, port } = config.server
  await assertFree(host, port)
  let control: ConfigControl | undefined
  const { createHttpServer } = await import('./http-server.ts')
  const drainable = createDrainable()
  const app = await createHttpServer({
    config,
    logger,
    requestLogger,
    onLostLines: onLost,
    maxConnections,
    drainSignal: drainable.signal,
    onDrained: drainable.onDrained,
    configSource: source,
    onConfigControl(given) {
      control = given
    },
  })
  const address = signal?.aborted === true ? '' : await listenQuietly(app, logger, { host, port })
  return {
    address,
    reload: control?.reload,
    async close() {
      const result = await drainable.drain()
      await app.close()
      return result
    },
  }
}
