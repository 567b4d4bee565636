import type { LimitedUse, LimitLeft, WriteLimit } from '../../dialects/contract/limit-headers.ts'
import type { Moment, Window } from './window.ts'

/** A limit as far as headers show it. */
interface ShownLimit {
  readonly limit: number
  readonly window: Pick<Window, 'leavesInMs'>
}

/** What headers can show, in their order. */
export const shownKinds: readonly LimitedUse[] = ['requests', 'total', 'prompt', 'completion']

/** What the limits per minute have left: of each kind the tightest. One object for all requests of a thread. */
export class RateHeaders {
  readonly #left = shownKinds.map((kind) => new Left(kind))

  /**
   * @param shown place in `shownKinds`
   * @param total what the window holds
   * @param newest the last bucket with an amount; undefined without one
   */
  note(shown: number, limit: ShownLimit, total: number, newest: number | undefined): void {
    const left = this.#left[shown]
    if (left === undefined) return
    const remaining = total < limit.limit ? limit.limit - total : 0
    if (left.of !== undefined && left.remaining <= remaining) return
    left.of = limit
    left.limit = limit.limit
    left.remaining = remaining
    left.newest = newest
  }

  /** Appends them as the clients of an API read them, and forgets them. */
  write(headers: string[], writeLimit: WriteLimit | undefined, moment: Moment): void {
    for (const left of this.#left) {
      if (left.of === undefined) continue
      if (writeLimit !== undefined) {
        left.resetInMs = left.newest === undefined ? 0 : left.of.window.leavesInMs(left.newest, moment)
        writeLimit(headers, left.kind, left, moment.wallMs)
      }
      left.of = undefined
    }
  }

  clear(): void {
    for (const left of this.#left) left.of = undefined
  }
}

class Left implements LimitLeft {
  readonly kind: LimitedUse
  /** Undefined until one is noted. */
  of: ShownLimit | undefined = undefined
  newest: number | undefined = undefined
  limit = 0
  remaining = 0
  resetInMs = 0

  constructor(kind: LimitedUse) {
    this.kind = kind
  }
}
