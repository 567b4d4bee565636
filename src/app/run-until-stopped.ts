import type { Logger } from 'pino'
import { persistentClock } from '../kernel/clock.ts'
import type { DrainResult } from '../runtime/lifecycle/drain.ts'
import { endProcess } from '../runtime/process/end-process.ts'
import { listenToSignals } from '../runtime/process/signals.ts'
import { StopControl } from '../runtime/process/stop-control.ts'
import type { RunningGateway } from './serving-threads.ts'

export interface RunOptions {
  /** Maximum time of a stop. */
  readonly limitMs: number
  readonly logger: Logger
  /** @param signal aborted if the gateway must stop during startup */
  start(signal: AbortSignal): Promise<RunningGateway>
  /** Called when a stop begins. */
  onStopping(): void
  /** Called when the gateway has stopped. @returns whether no thread is blocked */
  onClosed(result: DrainResult): Promise<boolean>
}

/**
 * Starts a gateway and stops it on a signal or an uncaught error, even during startup.
 * @returns its address; never settles if the gateway must stop before it has one
 * @throws what `start` throws
 */
export async function runUntilStopped({
  limitMs,
  logger,
  start,
  onStopping,
  onClosed,
}: RunOptions): Promise<{ address: string }> {
  const aborting = new AbortController()
  let starting: Promise<RunningGateway> | undefined
  const control = new StopControl({
    clock: persistentClock,
    limitMs,
    async stop(cause) {
      onStopping()
      if ('error' in cause) logger.fatal({ err: cause.error }, 'unexpected error')
      else logger.info(cause, 'stopping')
      aborting.abort()
      const running = await starting?.catch(() => undefined)
      const result = (await running?.close()) ?? { drained: 0, cut: 0 }
      const isClean = await onClosed(result)
      // Report requests cut during the drain as an error.
      return { code: result.cut > 0 ? 1 : 0, isClean: isClean && running?.isBlocked?.() !== true }
    },
    note: (err) => logger.error({ err }, 'unexpected error during the stop'),
    end: endProcess,
  })
  const release = listenToSignals({
    stop: (signal) => control.signal(signal),
    async reload(signal) {
      const running = await starting?.catch(() => undefined)
      if (running?.reload === undefined) {
        logger.warn({ signal }, 'there is no configuration file to reload')
        return
      }
      logger.info({ signal }, 'reading the configuration again')
      const { outcome, changes } = await running.reload(signal)
      // The events of other outcomes are logged.
      if (outcome === 'unchanged')
        logger.info({ signal, needsRestart: changes.map(({ key }) => key) }, 'configuration unchanged')
    },
    note: (signal) => logger.warn({ signal }, 'this signal has no effect'),
  })
  const fail = (error: unknown) => control.fail(error)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  try {
    starting = start(aborting.signal)
    const { address } = await starting
    if (!control.isStopping) return { address }
  } catch (error) {
    if (!control.isStopping) {
      release()
      throw error
    }
  }
  return new Promise(() => {})
}
