export interface ServerCircuitOptions {
  /** Consecutive failures that open it. */
  readonly maxFailures: number
  /** Called once for each change. @param reason why it opened */
  readonly onChange: (isOpen: boolean, reason: string) => void
}

/** Circuit breaker before the server: while it is open, only trials are sent. */
export class ServerCircuit {
  readonly #options: ServerCircuitOptions
  #failures = 0
  #isOpen = false

  constructor(options: ServerCircuitOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  succeeded(): void {
    this.#failures = 0
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#options.onChange(false, '')
  }

  failed(reason: string): void {
    this.#failures++
    if (this.#failures >= this.#options.maxFailures) this.open(reason)
  }

  /** Opens it at once. */
  open(reason: string): void {
    if (this.#isOpen) return
    this.#isOpen = true
    this.#options.onChange(true, reason)
  }
}
