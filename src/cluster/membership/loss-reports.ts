/**
 * Which replicas have reported what they use since the server lost its data. Such a loss begins an epoch of the server: a
 * report counts for its own only.
 */
export class LossReports {
  readonly #own: string
  readonly #epochs = new Map<string, string>()
  #missing = new Set<string>()

  /** @param own ID of this replica */
  constructor(own: string) {
    this.#own = own
  }

  /** Whether others may use something that the server does not know yet. */
  get areMissing(): boolean {
    return this.#missing.size > 0
  }

  /** The server has lost its data. @param members those before the loss */
  begin(epoch: string, members: readonly string[]): void {
    const others = members.filter((id) => id !== this.#own)
    this.#missing = new Set(others.filter((id) => this.#epochs.get(id) !== epoch))
    for (const id of this.#epochs.keys()) if (!others.includes(id)) this.#epochs.delete(id)
  }

  /** A replica has reported. @returns whether no report is missing any more */
  received(by: string, epoch: string, current: string): boolean {
    this.#epochs.set(by, epoch)
    return epoch === current && this.#missing.delete(by) && this.#missing.size === 0
  }

  /** What is missing is not waited for any more. */
  end(): void {
    this.#missing.clear()
  }
}
