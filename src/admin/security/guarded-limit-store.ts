import type { LimitStore } from './limit-store.ts'

/** What stands for the answer of a store that has none. */
const unlimited = { allowed: true, remaining: 1, retryAfterMs: 0, fullInMs: 0 }

/**
 * A host's store that breaks no request: where it throws, no client is limited.
 * @param onError told of what it has thrown
 */
export function guardedLimitStore(store: LimitStore, onError: (error: unknown) => void): LimitStore {
  function guarded<T>(call: () => T, otherwise: T): T {
    try {
      return call()
    } catch (error) {
      onError(error)
      return otherwise
    }
  }
  return {
    take: (key, limit, nowMs) => guarded(() => store.take(key, limit, nowMs), unlimited),
    giveBack: (key, limit) => guarded(() => store.giveBack(key, limit), undefined),
    clean: (nowMs) => guarded(() => store.clean(nowMs), undefined),
  }
}
