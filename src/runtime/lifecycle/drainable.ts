import type { DrainResult } from './drain.ts'

/** Starts a gateway's drain and reports its end. */
export interface Drainable {
  readonly signal: AbortSignal
  readonly onDrained: (result: DrainResult) => void
  /** Begins the drain, once. */
  drain(): Promise<DrainResult>
}

/** For a gateway that drains before its app closes: until then the app serves as before. */
export function createDrainable(): Drainable {
  const controller = new AbortController()
  const { promise, resolve } = Promise.withResolvers<DrainResult>()
  return {
    signal: controller.signal,
    onDrained: resolve,
    drain() {
      controller.abort()
      return promise
    },
  }
}
