import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Creates a function that collects all garbage of its thread and returns the pages to the system. It blocks for about 3
 * ms per megabyte in use: 60 to 90 ms for a gateway that has just started.
 */
export function garbageCollector(): () => void {
  // All threads share the flag: resetting it here could remove it just when another thread needs it.
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('globalThis.gc')
  if (typeof collect !== 'function') return () => {}
  // A regular collection keeps the emptied pages for later, so resident memory would not shrink.
  const options = { type: 'major', execution: 'sync', flavor: 'last-resort' }
  return () => void Reflect.apply(collect, undefined, [options])
}
