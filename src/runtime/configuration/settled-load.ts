import type { LoadedConfig } from '../../config/load.ts'
import { ConfigError } from '../../config/schema/diagnostics.ts'
import type { FileRest } from '../../config/watch/file-rest.ts'
import type { Clock } from '../../kernel/clock.ts'

type Loaded = Pick<LoadedConfig, 'config' | 'warnings'>

export interface SettledLoadServices {
  readonly load: () => Promise<Loaded>
  readonly rest: Pick<FileRest, 'look'>
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>
  /** As named, for messages. */
  readonly file: string
}

/** A write of several steps has no longer pause, on an ordinary machine. */
const restMs = 100
/** A file that cannot be used may be half of one. */
const brokenRestMs = 500
/** An empty file is about to be written, or a mistake. */
const emptyRestMs = 5_000
/** A file that is written all the time is read as it is. */
const maxWaitMs = 10_000

/**
 * Loads a file that is not being written: one that cannot be used is loaded again until it has stayed as it is for a while.
 * @throws ConfigError
 */
export async function loadSettled({ load, rest, clock, file }: SettledLoadServices): Promise<Loaded> {
  const untilMs = clock.monotonicMs() + maxWaitMs
  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve))
  for (;;) {
    const before = await rest.look()
    // Reading it would block this thread until something writes to it.
    if (before.isSpecial)
      throw problem(file, 'is a pipe or another special file, which is read only at the start')
    const isLate = clock.monotonicMs() >= untilMs
    if (before.restMs < restMs && !isLate) {
      await pause(restMs - before.restMs)
      continue
    }
    const loaded = await load().catch((error: unknown) => ({ error }))
    const after = await rest.look()
    const isBroken = 'error' in loaded || after.isEmpty
    const neededMs = after.isEmpty ? emptyRestMs : isBroken ? brokenRestMs : 0
    const leftMs = after.stamp === before.stamp ? neededMs - after.restMs : restMs
    if (leftMs > 0 && !isLate) {
      // Looks more often than that: the file may be whole at once.
      await pause(Math.min(leftMs, restMs))
      continue
    }
    if (after.isEmpty) throw problem(file, 'is empty; the present one stays')
    if ('error' in loaded) throw loaded.error
    return loaded
  }
}

function problem(file: string, message: string): ConfigError {
  return new ConfigError([{ severity: 'error', key: '', file, message }])
}
