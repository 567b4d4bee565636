import type { ModelUse } from '../../endpoints/operations/contract/topics.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { RequestProgress } from '../contract/context.ts'
import type { ActiveExchange } from '../exchange/exchange-services.ts'

type Used = Pick<RequestProgress, 'lastEndpoint' | 'lastModel'>

/** Models on endpoints that are remembered; the one used least recently is forgotten. */
const maxModels = 10_000

/** When the requests of a thread last used each model of each endpoint. */
export class ModelUses {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #uses = new Map<string, ModelUse>()

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  note({ lastEndpoint: endpoint, lastModel: model }: Used): void {
    if (endpoint === undefined || model === undefined) return
    const key = `${endpoint}\n${model}`
    // The order of the map is that of use.
    this.#uses.delete(key)
    this.#uses.set(key, { endpoint, model, usedAtMs: this.#clock.monotonicMs() })
    if (this.#uses.size <= maxModels) return
    for (const [oldest] of this.#uses) {
      this.#uses.delete(oldest)
      return
    }
  }

  /** @param active requests in flight, which use their models now */
  list(active: readonly Pick<ActiveExchange, 'context'>[]): ModelUse[] {
    for (const { context } of active) this.note(context)
    return [...this.#uses.values()]
  }

  clear(): void {
    this.#uses.clear()
  }
}
