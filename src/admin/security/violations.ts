import type { Clock } from '../../kernel/clock.ts'
import type { GatewayCells } from '../../runtime/cells/cells.ts'
import { limitedClientCapacity } from '../../runtime/cells/counted.ts'
import { SharedCache } from '../../runtime/cells/shared-cache.ts'

const hourMs = 3_600_000

/** Counts what was refused, on all threads, for the status routes (contract 1.6). */
export class Violations {
  readonly #counts: GatewayCells['violations']
  readonly #clients: SharedCache

  constructor(clock: Clock, cells: Pick<GatewayCells, 'violations' | 'limitedClients'>) {
    this.#counts = cells.violations
    this.#clients = new SharedCache(
      { capacity: limitedClientCapacity, ttlMs: hourMs, clock },
      cells.limitedClients,
    )
  }

  get rateLimits(): number {
    return this.#counts.sum(0, this.#counts.column('rateLimits'))
  }

  get sizeLimits(): number {
    return this.#counts.sum(0, this.#counts.column('sizeLimits'))
  }

  rateLimited(client: string): void {
    this.#counts.add(0, this.#counts.column('rateLimits'), 1)
    this.#clients.set(client, 0)
  }

  sizeLimited(): void {
    this.#counts.add(0, this.#counts.column('sizeLimits'), 1)
  }

  /** Clients that met a rate limit within the last hour, of some 16,000 that are remembered. */
  get limitedClients(): number {
    return this.#clients.size()
  }

  get status(): 'normal' | 'elevated' {
    return this.rateLimits + this.sizeLimits > 100 || this.limitedClients > 10 ? 'elevated' : 'normal'
  }
}
