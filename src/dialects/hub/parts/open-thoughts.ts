/** Maximum number of models that are remembered. */
const maxModels = 1_000

/** What the gateway knows about one model's answers. */
export interface ThoughtMemory {
  /** Whether the model's template opens the thought, so that answers start inside it. */
  readonly isOpen: boolean
  /** Called when an answer shows it. */
  learn(isOpen: boolean): void
}

/**
 * Models whose chat template opens the thought in the prompt (DeepSeek-R1, Qwen3), on servers that do not separate it:
 * their answers contain only the closing tag. The gateway learns this from answers, because the same model is served
 * both ways.
 */
export class OpenThoughts {
  readonly #models = new Set<string>()

  of(slot: number, model: string): ThoughtMemory {
    const key = `${slot} ${model}`
    return {
      isOpen: this.#models.has(key),
      learn: (isOpen) => {
        if (!isOpen) this.#models.delete(key)
        else if (this.#models.size < maxModels) this.#models.add(key)
      },
    }
  }
}
