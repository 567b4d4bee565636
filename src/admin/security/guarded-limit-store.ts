import type { LimitStore } from './limit-store.ts'

/** Result when the store fails. */
const unlimited = { allowed: true, remaining: 1, retryAfterMs: 0, fullInMs: 0 }

/**
 * Wraps a host application's store so that its errors break no request: if it throws, the gateway limits no client.
 * @param onError called with each error
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
