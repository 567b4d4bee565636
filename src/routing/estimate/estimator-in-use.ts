import type { Estimator } from './estimator.ts'

/** The estimator while something uses it: without a user nothing is learned, and its cells do not exist. */
export class EstimatorInUse {
  readonly #create: () => Estimator
  #known: Estimator | undefined
  readonly #users = new Set<string>()

  constructor(create: () => Estimator) {
    this.#create = create
  }

  /** Undefined while nothing uses it. */
  get current(): Estimator | undefined {
    return this.#users.size === 0 ? undefined : this.#known
  }

  /** Creates the estimator if there is none; it is not in use yet. */
  prepare(): Estimator {
    this.#known ??= this.#create()
    return this.#known
  }

  /** @param user part of the gateway: the strategy, the waiting line */
  use(user: string, isUsed: boolean): void {
    if (isUsed) {
      this.prepare()
      this.#users.add(user)
    } else this.#users.delete(user)
  }
}
