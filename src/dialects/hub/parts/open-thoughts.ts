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
    return new ModelThoughts(this.#models, slot, model)
  }
}

class ModelThoughts implements ThoughtMemory {
  readonly #open: Set<string>
  readonly #slot: number
  readonly #model: string

  constructor(open: Set<string>, slot: number, model: string) {
    this.#open = open
    this.#slot = slot
    this.#model = model
  }

  get isOpen(): boolean {
    return this.#open.size > 0 && this.#open.has(this.#key)
  }

  learn(isOpen: boolean): void {
    if (!isOpen) this.#open.delete(this.#key)
    else if (this.#open.size < maxModels) this.#open.add(this.#key)
  }

  get #key(): string {
    return `${this.#slot} ${this.#model}`
  }
}
