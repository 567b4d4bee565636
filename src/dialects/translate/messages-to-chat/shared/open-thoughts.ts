/** Most models that are remembered. */
const mostModels = 1_000

/** What is known of one model's answers. */
export interface ThoughtMemory {
  /** Whether its template opens the thought, so that an answer begins inside it. */
  readonly isOpen: boolean
  /** An answer has shown it. */
  learn(isOpen: boolean): void
}

/**
 * Models whose chat template opens the thought in the prompt (DeepSeek-R1, Qwen3), on servers that do not separate it:
 * an answer has only the closing tag. That is learnt from answers, since the same model is served both ways.
 */
export class OpenThoughts {
  readonly #models = new Set<string>()

  of(slot: number, model: string): ThoughtMemory {
    const key = `${slot} ${model}`
    return {
      isOpen: this.#models.has(key),
      learn: (isOpen) => {
        if (!isOpen) this.#models.delete(key)
        else if (this.#models.size < mostModels) this.#models.add(key)
      },
    }
  }
}
