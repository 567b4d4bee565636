/** A prompt as the engines and the gateway see it: what its prefixes are, and how long they are. */
export interface Prompt {
  /** Hash of each prefix, shortest first; the first is the model alone. */
  readonly keys: readonly number[]
  /** Tokens of each prefix. */
  readonly tokens: readonly number[]
  /** Which prefix many conversations share: tools and system prompt. */
  readonly headDepth: number
}

export function promptTokens({ tokens }: Prompt): number {
  return tokens.at(-1) ?? 0
}

/** The prompt with one more part: a message, or the answer. */
export function extended({ keys, tokens, headDepth }: Prompt, part: number, partTokens: number): Prompt {
  return {
    keys: [...keys, mixed(keys.at(-1) ?? 0, part)],
    tokens: [...tokens, promptTokens({ keys, tokens, headDepth }) + partTokens],
    headDepth,
  }
}

/** A prompt of tools and a system prompt, for a model. */
export function headOf(model: string, part: number, headTokens: number): Prompt {
  let key = 17
  for (const letter of model) key = mixed(key, letter.charCodeAt(0))
  return { keys: [key, mixed(key, part)], tokens: [0, headTokens], headDepth: 1 }
}

function mixed(key: number, part: number): number {
  return (key * 31_337 + part * 7_919 + 11) % 9_007_199_254
}

/** An engine's prefix cache: evicts what was used longest ago, and the end of a prompt before its start. */
export class PrefixCache {
  readonly #maxTokens: number
  /** Tokens that a prefix adds to the one before it; the least recently used is first. */
  readonly #known = new Map<number, number>()
  #heldTokens = 0

  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens
  }

  /** Tokens of the prompt that need not be computed. */
  match({ keys, tokens }: Prompt): number {
    for (let depth = keys.length - 1; depth > 0; depth--)
      if (this.#known.has(keys[depth] ?? 0)) return tokens[depth] ?? 0
    return 0
  }

  add({ keys, tokens }: Prompt): void {
    for (let depth = keys.length - 1; depth > 0; depth--) {
      const key = keys[depth] ?? 0
      const own = (tokens[depth] ?? 0) - (tokens[depth - 1] ?? 0)
      if (!this.#known.delete(key)) this.#heldTokens += own
      this.#known.set(key, own)
    }
    for (const [key, own] of this.#known) {
      if (this.#heldTokens <= this.#maxTokens) break
      this.#known.delete(key)
      this.#heldTokens -= own
    }
  }

  clear(): void {
    this.#known.clear()
    this.#heldTokens = 0
  }
}
