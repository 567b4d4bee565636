import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.ts'

/** Maximum remembered prompt heads: an agent has a handful, or many if its head contains the time of day. */
const maxHeads = 1_000

/**
 * Remembers which endpoints recently computed the head of a prompt (tools, system prompt). Many conversations share a
 * head, so several endpoints may have it. Each thread learns on its own.
 */
export class HeadMemory {
  readonly #slots: LRUCache<number, readonly number[]>

  /** @param idleTtlMs time after which a head counts as evicted from the caches; 0: never */
  constructor(clock: Clock, idleTtlMs: number) {
    this.#slots = new LRUCache({
      max: maxHeads,
      ttl: idleTtlMs,
      ttlResolution: 0,
      perf: { now: () => clock.monotonicMs() + 1 },
    })
  }

  slotsOf(head: number): readonly number[] | undefined {
    return this.#slots.peek(head)
  }

  add(head: number, slot: number): void {
    const slots = this.#slots.peek(head) ?? []
    this.#slots.set(head, slots.includes(slot) ? slots : [...slots, slot])
  }

  purge(slot: number): void {
    for (const [head, slots] of [...this.#slots.entries()]) {
      if (!slots.includes(slot)) continue
      const left = slots.filter((each) => each !== slot)
      if (left.length === 0) this.#slots.delete(head)
      else this.#slots.set(head, left)
    }
  }
}
