import type { LineCells } from './line-cells.ts'

/**
 * Start-time fair queueing between flows (Goyal, Vin and Cheng, 1996): each flow has a tag, the tokens that it was
 * given divided by its weight, and the flow with the lowest tag goes first. A flow that begins to wait starts at the
 * lowest tag of those that wait for the same endpoints, so no flow saves up turns; if none waits, at the
 * highest tag ever, so that earlier debts end with an idle line.
 */
export class FlowTags {
  readonly #tags: Float64Array
  readonly #top: Float64Array

  constructor({ tags, top }: Pick<LineCells, 'tags' | 'top'>) {
    this.#tags = tags
    this.#top = top
  }

  get(row: number): number {
    return this.#tags[row] ?? 0
  }

  /** @param lowest the lowest tag of the flows that wait for the same endpoints; undefined if none does */
  begins(row: number, lowest: number | undefined): void {
    const from = lowest ?? this.#top[0] ?? 0
    if (this.get(row) < from) this.#tags[row] = from
  }

  served(row: number, tokens: number, weight: number): void {
    const tag = this.get(row) + tokens / weight
    this.#tags[row] = tag
    if (tag > (this.#top[0] ?? 0)) this.#top[0] = tag
  }
}
