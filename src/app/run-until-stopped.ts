import type { Logger } from 'pino'
import { persistentClock } from '../kernel/clock.ts'
import type { DrainResult } from '../runtime/lifecycle/drain.ts'
import { endProcess } from '../runtime/process/end-process.ts'
import { listenToSignals } from '../runtime/process/signals.ts'
import { StopControl } from '../runtime/process/stop-control.ts'
import type { RunningGateway } from './serving-threads.ts'

export interface RunOptions {
  /** Longest time of a stop. */
  readonly limitMs: number
  readonly logger: Logger
  /** @param signal aborted where the gateway is told to stop meanwhile */
  start(signal: AbortSignal): Promise<RunningGateway>
  /** Called when a stop begins. */
  onStopping(): void
  /** Called when the gateway has stopped. @returns whether nothing blocks a thread any more */
  onClosed(result: DrainResult): Promise<boolean>
}

/**
 * Starts a gateway and stops it on a signal or on an error that was not caught, also during the start.
 * @returns its address; never settles where the gateway is told to stop before
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
      // Clients whose answers were cut deserve no less than an error.
      return { code: result.cut > 0 ? 1 : 0, isClean: isClean && running?.isBlocked?.() !== true }
    },
    note: (err) => logger.error({ err }, 'unexpected error during the stop'),
    end: endProcess,
  })
  const release = listenToSignals({
    stop: (signal) => control.signal(signal),
    note: (signal) =>
      logger.warn({ signal }, 'this signal changes nothing: restart to reload the configuration'),
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
