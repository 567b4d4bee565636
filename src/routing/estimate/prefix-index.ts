import { cache, numbers } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { RequestFeatures } from '../selection/selector.ts'

/** Prefixes of prompts times the endpoints that have them. */
const maxEntries = 65_536
/** How long an unused prefix counts as cached. */
const idleTtlMs = 600_000
/** Cells for the numbers of uses, and the most that one counts. */
const useRows = 16_384
const maxUses = 8_191
const useFactor = 8_192
/** Endpoints remembered for one prefix; one that more of them have counts as cached everywhere. */
export const maxHolders = 8
/** Longest prefixes that are looked up, besides the head. */
const maxDepths = 64
/** Prefixes within the first texts that are looked up. */
const maxBlockLookups = 32
/** How many shorter prefixes may have further holders. */
const depthsAfterMatch = 2
/** Prefixes below this size are copied to other endpoints readily; larger ones in proportion later. */
const cheapBytes = 8_192

export const prefixCells = cellLayout('prefixes', () => ({
  holders: cache(maxEntries),
  /** How often prefixes were looked up: a part of the key and the number in one cell; another key takes it over. */
  uses: numbers(useRows),
}))

/** The endpoints that have the start of a prompt in their cache, as far as known. Reused from request to request. */
export class PrefixMatches {
  count = 0
  readonly slots = new Int32Array(maxHolders)
  readonly bytes = new Float64Array(maxHolders)
  /**
   * A prefix of this size does not make an endpoint better: many requests use it, and too few endpoints have it. The next
   * endpoint that computes it has it too.
   */
  sharedBytes = 0

  clear(): void {
    this.count = 0
    this.sharedBytes = 0
  }

  /** Bytes of the prompt that an endpoint has in its cache. */
  bytesAt(slot: number): number {
    if (this.count === 0) return 0
    for (let at = 0; at < this.count; at++) if (this.slots[at] === slot) return this.bytes[at] ?? 0
    return 0
  }

  add(slot: number, bytes: number): void {
    if (this.count >= maxHolders) return
    for (let at = 0; at < this.count; at++) if (this.slots[at] === slot) return
    this.slots[this.count] = slot
    this.bytes[this.count] = bytes
    this.count++
  }
}

/** Which endpoints have computed which prefixes of prompts, for all threads; no text is kept. */
export class PrefixIndex {
  readonly #holders: ReturnType<CellsOf<typeof prefixCells>['holders']>
  readonly #uses: Float64Array

  readonly #clock: Clock
  /** Read once per operation. */
  #nowMs = 0

  constructor(clock: Clock, cells: CellsOf<typeof prefixCells>) {
    this.#clock = clock
    const steady: Clock = {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => this.#nowMs,
      after: (delayMs, run) => clock.after(delayMs, run),
    }
    this.#holders = cells.holders({ ttlMs: idleTtlMs, clock: steady })
    this.#uses = cells.uses
  }

  /** @param counts whether a request follows */
  find(features: RequestFeatures, into: PrefixMatches, counts: boolean): PrefixMatches {
    into.clear()
    this.#nowMs = this.#clock.monotonicMs()
    const { keys, headDepth, hasHead } = features
    let left = maxDepths
    let depth = keys.length - 1
    let isFound = false
    for (; depth > headDepth && left > 0; depth--, left--) {
      if (!this.#findAt(features, depth, into, counts)) continue
      isFound = true
      left = Math.min(left, depthsAfterMatch + 1)
    }
    // Blocks are within the first message after the head, then within the head.
    const { blocks } = features
    const headBytes = hasHead && keys.length > 0 ? (features.sizes[headDepth] ?? 0) : -1
    let isHeadLeft = headBytes >= 0
    if (!isFound) left = maxBlockLookups
    for (let at = (blocks?.keys.length ?? 0) - 1; at >= 0 && left > 0; at--, left--) {
      const bytes = blocks?.sizes[at] ?? 0
      if (isHeadLeft && bytes <= headBytes) {
        isHeadLeft = false
        if (this.#look(keys[headDepth] ?? 0, headBytes, into, counts))
          left = Math.min(left, depthsAfterMatch + 1)
      }
      if (this.#look(blocks?.keys[at] ?? 0, bytes, into, counts)) left = Math.min(left, depthsAfterMatch + 1)
    }
    if (isHeadLeft) this.#look(keys[headDepth] ?? 0, headBytes, into, counts)
    return into
  }

  /** An endpoint has computed a prompt. */
  add({ keys, headDepth, hasHead, blocks }: RequestFeatures, slot: number): void {
    const last = keys.length - 1
    if (last < 0) return
    this.#nowMs = this.#clock.monotonicMs()
    // Where one is known, the shorter ones are.
    for (let at = (blocks?.keys.length ?? 0) - 1; at >= 0; at--)
      if (this.#addAt(blocks?.keys[at] ?? 0, slot)) break
    if (last > headDepth) this.#addAt(keys[last] ?? 0, slot)
    // A client may replace the last message.
    if (last - 1 > headDepth) this.#addAt(keys[last - 1] ?? 0, slot)
    if (hasHead) this.#addAt(keys[headDepth] ?? 0, slot)
  }

  /** An endpoint lost its caches. */
  purge(slot: number): void {
    this.#holders.deleteValue(slot)
  }

  #findAt(
    { keys, sizes, headDepth }: RequestFeatures,
    depth: number,
    into: PrefixMatches,
    counts: boolean,
  ): boolean {
    const key = keys[depth] ?? 0
    // The endpoint also has what it generated after this prefix: the next message, unless that is the last.
    const cached = depth > headDepth && depth + 1 < keys.length - 1 ? depth + 1 : depth
    return this.#look(key, sizes[cached] ?? 0, into, counts)
  }

  /** @returns whether an endpoint has the prefix */
  #look(key: number, bytes: number, into: PrefixMatches, counts: boolean): boolean {
    let holders = 0
    while (holders < maxHolders) {
      const slot = this.#holders.peek(wayOf(key, holders))
      if (slot === undefined) break
      into.add(slot, bytes)
      holders++
    }
    if (holders === 0) return false
    if (holders === maxHolders) {
      into.sharedBytes = Math.max(into.sharedBytes, bytes)
      return true
    }
    const enough = holders * (holders + 1) * Math.max(1, bytes / cheapBytes)
    if (this.#usesOf(key, counts) >= enough) into.sharedBytes = Math.max(into.sharedBytes, bytes)
    return true
  }

  /** @returns the number of uses before this one */
  #usesOf(key: number, counts: boolean): number {
    // Divisions with a remainder of large numbers take longer than the rest of the lookup.
    const tag = Math.floor(key / useRows)
    const at = key - tag * useRows
    const cell = this.#uses[at] ?? 0
    const known = cell - tag * useFactor
    const uses = known >= 0 && known < useFactor ? known : 0
    if (counts && uses < maxUses) this.#uses[at] = tag * useFactor + uses + 1
    return uses
  }

  /** @returns whether the endpoint was known to have it, or so many have it that it counts as cached everywhere */
  #addAt(key: number, slot: number): boolean {
    for (let way = 0; way < maxHolders; way++) {
      const wayKey = wayOf(key, way)
      const known = this.#holders.get(wayKey)
      if (known === slot) return true
      if (known === undefined) {
        this.#holders.set(wayKey, slot)
        return false
      }
    }
    this.#holders.set(wayOf(key, slot % maxHolders), slot)
    return true
  }
}

/** A key for each of the holders of a prefix. */
function wayOf(key: number, way: number): number {
  const sum = key + way * 0x9e3779b97f4a
  return sum < Number.MAX_SAFE_INTEGER || way === 0 ? sum : sum - Number.MAX_SAFE_INTEGER
}
