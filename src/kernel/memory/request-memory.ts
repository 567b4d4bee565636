import type { GatewayError } from '../errors.ts'
import type { BufferBudget, BufferHold } from './buffer-budget.ts'

/** Accounts for memory that a request uses besides its body. */
export interface MemoryKeeper {
  memory: RequestMemory | undefined
}

/** Smaller amounts are not charged: every connection may hold as much. */
const uncountedBytes = 65_536

/** Memory that a request uses besides its body: a translated request and a buffered answer. */
export class RequestMemory {
  readonly #hold: BufferHold
  #answerBytes = 0

  constructor(budget: BufferBudget) {
    this.#hold = budget.open()
  }

  /**
   * Charges the body of an attempt that is not the client's own, in place of the previous attempt's.
   * @param isBeside whether the previous attempt continues
   * @returns an error if the budget has no room
   */
  sends(bytes: number, isBeside: boolean): GatewayError | undefined {
    if (!isBeside) this.sentIsOver()
    return this.#hold.takeNow(bytes)
  }

  sentIsOver(): void {
    this.#hold.shrink(this.#answerBytes)
  }

  /** Charges more of a buffered answer. @returns an error if the budget has no room */
  gathers(bytes: number): GatewayError | undefined {
    this.#answerBytes += bytes
    return this.#hold.takeNow(bytes)
  }

  /** An answer that was buffered is not used. */
  answerIsOver(): void {
    this.#hold.shrink(Math.max(0, this.#hold.bytes - this.#answerBytes))
    this.#answerBytes = 0
  }

  over(): void {
    this.#hold.release()
  }
}

/**
 * Charges a body that is not the client's own.
 * @param isBeside whether another attempt of the request continues
 * @returns an error if the budget has no room
 */
export function holdSent(
  keeper: MemoryKeeper,
  budget: BufferBudget | undefined,
  bytes: number,
  isBeside: boolean,
): GatewayError | undefined {
  if (budget === undefined || (bytes <= uncountedBytes && keeper.memory === undefined)) return undefined
  keeper.memory ??= new RequestMemory(budget)
  return keeper.memory.sends(bytes, isBeside)
}

/**
 * @param bytes of the last chunk
 * @param allBytes of the answer so far
 * @returns an error if the budget has no room
 */
export function holdGathered(
  keeper: MemoryKeeper,
  budget: BufferBudget | undefined,
  bytes: number,
  allBytes: number,
): GatewayError | undefined {
  if (budget === undefined || allBytes <= uncountedBytes) return undefined
  keeper.memory ??= new RequestMemory(budget)
  return keeper.memory.gathers(bytes)
}
