import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.ts'

/** Prompt heads that are remembered; an agent has a handful, and one that puts the time of day into it many. */
const maxHeads = 1_000

/**
 * Which endpoints have lately computed the head of a prompt (tools, system prompt): many conversations share
 * one, so several endpoints will hold it. Each thread learns by itself.
 */
export class HeadMemory {
  readonly #slots: LRUCache<number, readonly number[]>

  /** @param idleTtlMs after which a head counts as pushed out of the caches; 0 never */
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
