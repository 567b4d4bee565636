import type { Cluster } from '../cluster.ts'
import { restoreAmountsScript } from '../scripts/restore-amounts.ts'
import type { KnownAmounts, LastAmount } from './known-amounts.ts'

export interface LostAmountsOptions {
  readonly cluster: Pick<Cluster, 'id' | 'keys' | 'callsKey' | 'runInBackground' | 'rejoin'>
  readonly known: KnownAmounts
  /** Number of the last call with an answer. */
  readonly acked: () => number
  /** The server has lost calls that it had answered: it gets this replica's amounts now. Others have to report theirs. */
  readonly onLoss: () => void
  /** A comparison has ended. */
  readonly onEnd: () => void
}

/** Amounts of one call: the server runs nothing else meanwhile. */
const maxPerCall = 500

/** Finds out whether the server has lost amounts that this replica saw, and restores them. */
export class LostAmounts {
  readonly #options: LostAmountsOptions
  #isRunning = false
  #isWanted = false

  constructor(options: LostAmountsOptions) {
    this.#options = options
  }

  /** While it compares, no call would be answered. */
  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Compares now, or once more after the comparison that runs. */
  compare(): void {
    if (this.#options.acked() === 0) return
    this.#isWanted = true
    if (!this.#isRunning) void this.#compare()
  }

  async #compare(): Promise<void> {
    this.#isRunning = true
    try {
      while (this.#isWanted) {
        this.#isWanted = false
        await this.#restore()
      }
    } catch {
      // The server is away; this is called again when it is back.
    } finally {
      this.#isRunning = false
      this.#options.onEnd()
    }
  }

  async #restore(): Promise<void> {
    const { known, acked, onLoss } = this.#options
    const number = acked()
    const latest = await this.#send(number, [], false)
    if (latest === undefined) return
    onLoss()
    const lost = known.after(latest)
    let at = 0
    do {
      const part = lost.slice(at, at + maxPerCall)
      at += maxPerCall
      await this.#send(number, part, at >= lost.length)
    } while (at < lost.length)
  }

  /** @returns number of the last call that the server has run; undefined if it has lost nothing */
  async #send(number: number, amounts: readonly LastAmount[], isLast: boolean): Promise<number | undefined> {
    const { cluster } = this.#options
    const names = [...new Set(amounts.map(({ of }) => of.key))]
    const indexes = new Map(names.map((name, index) => [name, index]))
    const rows = amounts.map(({ of, bucket, amount, atUs }) => [
      indexes.get(of.key) ?? 0,
      bucket,
      atUs,
      amount,
      of.ttlMs,
    ])
    const { alive, restored, limits } = cluster.keys
    const reply = await cluster.runInBackground({
      script: restoreAmountsScript,
      keys: [alive, cluster.callsKey, restored, ...names.map((name) => limits + name)],
      args: [cluster.id, JSON.stringify({ number, amounts: rows, isLast })],
    })
    const [kind, latest] = Array.isArray(reply) ? reply.map(String) : []
    if (kind === 'lost') cluster.rejoin()
    return kind === 'behind' ? Number(latest) : undefined
  }
}
