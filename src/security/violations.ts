import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'

const hourMs = 3_600_000
const maxClients = 10_000

/** Counts what was refused, for the status routes (contract 1.6). */
export class Violations {
  readonly #clock: Clock
  readonly #limitedClients: LRUCache<string, number>
  rateLimits = 0
  sizeLimits = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#limitedClients = new LRUCache({ max: maxClients })
  }

  rateLimited(client: string): void {
    this.rateLimits++
    this.#limitedClients.set(client, this.#clock.nowMs())
  }

  /** Clients that met a rate limit within the last hour; at most 10,000 are remembered. */
  get limitedClients(): number {
    const sinceMs = this.#clock.nowMs() - hourMs
    for (const [client, atMs] of this.#limitedClients.entries()) {
      if (atMs < sinceMs) this.#limitedClients.delete(client)
    }
    return this.#limitedClients.size
  }

  get status(): 'normal' | 'elevated' {
    return this.rateLimits + this.sizeLimits > 100 || this.limitedClients > 10 ? 'elevated' : 'normal'
  }
}
