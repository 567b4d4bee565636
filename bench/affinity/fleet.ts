// A fleet of inference servers in virtual time. A server computes prompts one after the other, skips what its prefix
// cache holds, and generates answers in parallel.

/** Tokens of one block of the prefix cache. */
const blockTokens = 32

export interface Part {
  readonly id: string
  readonly tokens: number
}

/** A prompt as a sequence of texts: two prompts share their common prefix. */
export interface Prompt {
  readonly parts: readonly Part[]
}

/** A prefix cache of blocks: evicts the least recently used block, and the end of a prompt before its start. */
export class PrefixCache {
  readonly #maxBlocks: number
  readonly #blocks = new Set<string>()

  constructor(tokens: number) {
    this.#maxBlocks = Math.floor(tokens / blockTokens)
  }

  /** Adds a prompt. @returns how many of its tokens were cached already */
  use(prompt: Prompt): number {
    const blocks = blocksOf(prompt)
    let cached = 0
    while (cached < blocks.length && this.#blocks.has(blocks[cached] ?? '')) cached++
    for (let at = blocks.length - 1; at >= 0; at--) {
      const block = blocks[at] ?? ''
      this.#blocks.delete(block)
      this.#blocks.add(block)
    }
    for (const oldest of this.#blocks) {
      if (this.#blocks.size <= this.#maxBlocks) break
      this.#blocks.delete(oldest)
    }
    return cached * blockTokens
  }
}

/** A block's name includes everything before it, as a block hash does. */
function blocksOf({ parts }: Prompt): string[] {
  const blocks: string[] = []
  let tokens = 0
  for (const { id, tokens: own } of parts) {
    const first = Math.ceil(tokens / blockTokens)
    tokens += own
    for (let block = first; (block + 1) * blockTokens <= tokens; block++) blocks.push(`${id}:${block}`)
  }
  return blocks
}

export function tokensOf({ parts }: Prompt): number {
  return parts.reduce((sum, { tokens }) => sum + tokens, 0)
}

export interface FleetOptions {
  readonly endpoints: number
  readonly cacheTokens: number
  readonly prefillTokensPerSecond: number
  readonly decodeTokensPerSecond: number
}

export interface Served {
  readonly cachedTokens: number
  readonly firstTokenMs: number
  readonly totalMs: number
}

/** The servers. The caller supplies the time and calls in time order. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #caches: PrefixCache[]
  /** When each server has computed its queued prompts. */
  readonly #freeAtMs: number[]

  constructor(options: FleetOptions) {
    this.#options = options
    this.#caches = Array.from({ length: options.endpoints }, () => new PrefixCache(options.cacheTokens))
    this.#freeAtMs = this.#caches.map(() => 0)
  }

  /** @returns times from `nowMs` on */
  serve(slot: number, nowMs: number, prompt: Prompt, answer: Part): Served {
    const { prefillTokensPerSecond, decodeTokensPerSecond } = this.#options
    const cache = this.#caches[slot]
    const cachedTokens = cache?.use(prompt) ?? 0
    const prefillMs = ((tokensOf(prompt) - cachedTokens) / prefillTokensPerSecond) * 1000
    const beginMs = Math.max(nowMs, this.#freeAtMs[slot] ?? 0)
    this.#freeAtMs[slot] = beginMs + prefillMs
    // The generated answer stays in the cache as well.
    cache?.use({ parts: [...prompt.parts, answer] })
    const firstTokenMs = beginMs + prefillMs - nowMs
    return {
      cachedTokens,
      firstTokenMs,
      totalMs: firstTokenMs + (answer.tokens / decodeTokensPerSecond) * 1000,
    }
  }
}

/** Events in virtual time, ordered by time, then by insertion. */
export class Agenda {
  readonly #heap: { readonly atMs: number; readonly order: number; readonly run: () => void }[] = []
  #order = 0
  nowMs = 0

  plan(atMs: number, run: () => void): void {
    const heap = this.#heap
    heap.push({ atMs, order: this.#order++, run })
    let at = heap.length - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#swapIfLater(above, at)) break
      at = above
    }
  }

  run(): void {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      this.nowMs = next.atMs
      next.run()
    }
  }

  #take() {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    heap[0] = last
    let at = 0
    for (;;) {
      const left = at * 2 + 1
      const right = left + 1
      const smaller = right < heap.length && this.#isLater(left, right) ? right : left
      if (smaller >= heap.length || !this.#swapIfLater(at, smaller)) return first
      at = smaller
    }
  }

  #isLater(one: number, other: number): boolean {
    const [a, b] = [this.#heap[one], this.#heap[other]]
    if (a === undefined || b === undefined) return false
    return a.atMs === b.atMs ? a.order > b.order : a.atMs > b.atMs
  }

  #swapIfLater(above: number, below: number): boolean {
    const [a, b] = [this.#heap[above], this.#heap[below]]
    if (a === undefined || b === undefined || !this.#isLater(above, below)) return false
    this.#heap[above] = b
    this.#heap[below] = a
    return true
  }
}
