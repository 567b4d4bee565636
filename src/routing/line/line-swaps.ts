import type { LaneGroup, LineBoard, Waiting } from './line-board.ts'
import { type LineCells, textHash } from './line-cells.ts'
import type { Lane } from './line-ticket.ts'

export interface SwapOptions {
  /** How many requests for the loaded model may go before one for another model; 0 disables it. */
  readonly swapBatch: number
  /** A request that has waited so long is not passed by others for the sake of their model. */
  readonly swapBatchWaitMs: number
}

/**
 * Whether an endpoint must unload one model to load another.
 * @param from,to as the endpoint spells them
 */
export type MustSwap = (slot: number, from: string, to: string) => boolean

/** Which model an endpoint has loaded as the line knows it, and how long others may be passed over for it. */
export class LineSwaps {
  readonly #cells: Float64Array

  constructor({ swaps }: Pick<LineCells, 'swaps'>) {
    this.#cells = swaps
  }

  /** Nothing waited for the endpoint until now: what was sent there since is unknown. */
  forget(slot: number): void {
    this.#cells[slot * 2] = 0
    this.#cells[slot * 2 + 1] = 0
  }

  /** The line sent a request for the model to the endpoint. */
  sent(slot: number, model: string | undefined): void {
    const hash = textHash(model ?? '')
    if (this.#cells[slot * 2] === hash) return
    this.#cells[slot * 2] = hash
    this.#cells[slot * 2 + 1] = 0
  }

  /** A request for the loaded model went before one for another. */
  passed(slot: number, modelHash: number): void {
    this.#cells[slot * 2] = modelHash
    this.#cells[slot * 2 + 1] = (this.#cells[slot * 2 + 1] ?? 0) + 1
  }

  /**
   * @param left model of the request that left the endpoint
   * @returns hash of the model that requests may be brought forward for
   */
  loaded(slot: number, left: string | undefined, { swapBatch }: SwapOptions): number | undefined {
    if (swapBatch === 0 || (this.#cells[slot * 2 + 1] ?? 0) >= swapBatch) return undefined
    const known = this.#cells[slot * 2] ?? 0
    return known !== 0 ? known : left === undefined ? undefined : textHash(left)
  }
}

/** The request of a class that goes first at an endpoint among those for a model. */
export function firstForModel(
  board: LineBoard,
  slot: number,
  priority: number,
  modelHash: number,
): Waiting | undefined {
  return board.firstOf(slot, priority, ({ lane }: LaneGroup) => isModel(lane, slot, modelHash))
}

export function isModel(lane: Lane, slot: number, modelHash: number): boolean {
  return textHash(modelAt(lane, slot) ?? '') === modelHash
}

export function modelAt({ slots, models }: Lane, slot: number): string | undefined {
  return models[slots.indexOf(slot)]
}
