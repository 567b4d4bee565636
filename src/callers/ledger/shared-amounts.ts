import type { CallerAmounts, SavedAmount } from '../limits/contract.ts'
import type { StoredAmounts } from './amount-store.ts'

/** What a gateway knows of the amounts in a store that others may change. */
export class SharedAmounts {
  readonly #amounts: Pick<CallerAmounts, 'changes' | 'merge'>
  readonly #read: (since: number) => Promise<StoredAmounts>
  #revision = -1

  /** @param read reads the amounts that have changed after a revision */
  constructor(
    amounts: Pick<CallerAmounts, 'changes' | 'merge'>,
    read: (since: number) => Promise<StoredAmounts>,
  ) {
    this.#amounts = amounts
    this.#read = read
  }

  /** What is to be added to the store. */
  changes(): readonly SavedAmount[] {
    return this.#amounts.changes()
  }

  /** @param revision of the change; undefined if there was none, or if it was in the store already */
  written(revision: number | undefined): void {
    // Without a revision between, no other gateway has written.
    if (revision === this.#revision + 1) this.#revision = revision
  }

  /** Takes over what has changed. Not while a change of this gateway may be in the store or not. */
  async refresh(): Promise<void> {
    const { amounts, revision } = await this.#read(this.#revision)
    this.#revision = revision
    this.#amounts.merge(amounts)
  }
}
