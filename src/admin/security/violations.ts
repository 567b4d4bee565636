import type { SharedCache } from '../../kernel/cells/shared-cache.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { ViolationCells } from './limit-cells.ts'

const hourMs = 3_600_000

/** Counts refusals on all threads, for the status routes (contract 1.6). */
export class Violations {
  readonly #counts: ViolationCells['counts']
  readonly #clients: SharedCache

  constructor(clock: Clock, { counts, limitedClients }: ViolationCells) {
    this.#counts = counts
    this.#clients = limitedClients({ ttlMs: hourMs, clock })
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

  /** Clients that hit a rate limit within the last hour, out of about 16,000 remembered ones. */
  get limitedClients(): number {
    return this.#clients.size()
  }

  get status(): 'normal' | 'elevated' {
    return this.rateLimits + this.sizeLimits > 100 || this.limitedClients > 10 ? 'elevated' : 'normal'
  }
}
