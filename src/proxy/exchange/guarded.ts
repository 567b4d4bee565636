import type { Affinity } from '../contract/affinity.ts'
import type { RelayedAnswer, RelayObserver } from '../contract/answer-observer.ts'
import type { RequestOutcome } from '../contract/outcome.ts'

/** Reports an error that a host's function threw. */
type OnError = (error: unknown, part: string) => void
type Observe = (answer: RelayedAnswer) => RelayObserver | undefined

/** An observer that throws breaks no request: the answer continues without it. */
export function guardedObserve(observe: Observe, part: string, onError: OnError): Observe {
  return (answer) => {
    try {
      const observer = observe(answer)
      return observer === undefined
        ? undefined
        : new GuardedObserver(observer, (error) => onError(error, part))
    } catch (error) {
      onError(error, part)
      return undefined
    }
  }
}

/** An affinity that throws prefers no endpoint. */
export function guardedAffinity(affinity: Affinity, onError: OnError): Affinity {
  const guarded: Affinity = {
    prefer(request, candidates, excluded) {
      try {
        return affinity.prefer(request, candidates, excluded)
      } catch (error) {
        onError(error, 'requestAffinity.prefer')
        return undefined
      }
    },
    answered(request, target, statusCode) {
      try {
        affinity.answered(request, target, statusCode)
      } catch (error) {
        onError(error, 'requestAffinity.answered')
      }
    },
  }
  const observe = affinity.observe?.bind(affinity)
  return observe === undefined
    ? guarded
    : { ...guarded, observe: guardedObserve(observe, 'requestAffinity.observe', onError) }
}

class GuardedObserver implements RelayObserver {
  /** Undefined once it has thrown. */
  #observer: RelayObserver | undefined
  readonly #onError: (error: unknown) => void

  constructor(observer: RelayObserver, onError: (error: unknown) => void) {
    this.#observer = observer
    this.#onError = onError
  }

  push(chunk: Buffer): void {
    try {
      this.#observer?.push(chunk)
    } catch (error) {
      this.#failed(error)
    }
  }

  end(outcome: RequestOutcome): void {
    try {
      this.#observer?.end(outcome)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#observer = undefined
    this.#onError(error)
  }
}
