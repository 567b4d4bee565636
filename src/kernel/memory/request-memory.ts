import type { GatewayError } from '../errors.ts'
import type { BufferBudget, BufferHold } from './buffer-budget.ts'

/** Keeps the memory that a request takes up beside its body. */
export interface MemoryKeeper {
  memory: RequestMemory | undefined
}

/** Less is not counted: each connection may hold as much anyway. */
const uncountedBytes = 65_536

/** The memory that a request takes up beside its body: another form in which it is sent, an answer that is gathered. */
export class RequestMemory {
  readonly #hold: BufferHold
  #answerBytes = 0

  constructor(budget: BufferBudget) {
    this.#hold = budget.open()
  }

  /**
   * The body of an attempt is not the client's own; that of the attempt before is over.
   * @returns why it cannot be sent
   */
  sends(bytes: number): GatewayError | undefined {
    this.sentIsOver()
    return this.#hold.takeNow(bytes)
  }

  sentIsOver(): void {
    this.#hold.shrink(this.#answerBytes)
  }

  /** @returns why no more of an answer can be gathered */
  gathers(bytes: number): GatewayError | undefined {
    this.#answerBytes += bytes
    return this.#hold.takeNow(bytes)
  }

  over(): void {
    this.#hold.release()
  }
}

/** @returns why a body cannot be sent that is not the client's own */
export function holdSent(
  keeper: MemoryKeeper,
  budget: BufferBudget | undefined,
  bytes: number,
): GatewayError | undefined {
  if (budget === undefined || (bytes <= uncountedBytes && keeper.memory === undefined)) return undefined
  keeper.memory ??= new RequestMemory(budget)
  return keeper.memory.sends(bytes)
}

/**
 * @param bytes that have just come
 * @param allBytes of the answer so far
 * @returns why no more of it can be gathered
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
