import type { LimitedUse, LimitLeft, WriteLimit } from '../../dialects/contract/limit-headers.ts'

const kinds: readonly LimitedUse[] = ['requests', 'total', 'prompt', 'completion']

/** What the limits per minute have left: of each kind the tightest. One object for all requests of a thread. */
export class RateHeaders {
  readonly #left = new Map(kinds.map((kind) => [kind, new Left()]))
  #isEmpty = true

  /** @param total what the window holds */
  note(counted: LimitedUse, limit: number, total: number, resetInMs: number): void {
    const left = this.#left.get(counted)
    const remaining = Math.max(0, limit - total)
    if (left === undefined || (left.isSet && left.remaining <= remaining)) return
    left.isSet = true
    left.limit = limit
    left.remaining = remaining
    left.resetInMs = resetInMs
    this.#isEmpty = false
  }

  /** Appends them as the clients of an API read them, and forgets them. */
  write(headers: string[], writeLimit: WriteLimit, nowMs: number): void {
    if (this.#isEmpty) return
    for (const kind of kinds) {
      const left = this.#left.get(kind)
      if (left?.isSet === true) writeLimit(headers, kind, left, nowMs)
    }
    this.clear()
  }

  clear(): void {
    this.#isEmpty = true
    for (const left of this.#left.values()) left.isSet = false
  }
}

class Left implements LimitLeft {
  isSet = false
  limit = 0
  remaining = 0
  resetInMs = 0
}
