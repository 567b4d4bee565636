import type { RelayedAnswer, RelayObserver } from '../contract/answer-observer.ts'

type Observe = (answer: RelayedAnswer) => RelayObserver | undefined

/** Combines two observer factories; each decides for itself whether to observe an answer. */
export function joinObservers(one: Observe | undefined, other: Observe | undefined): Observe | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return (answer) => {
    const first = one(answer)
    const second = other(answer)
    if (first === undefined || second === undefined) return first ?? second
    return {
      push(chunk) {
        first.push(chunk)
        second.push(chunk)
      },
      end(outcome) {
        first.end(outcome)
        second.end(outcome)
      },
    }
  }
}
