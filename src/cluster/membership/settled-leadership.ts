import type { Clock } from '../../kernel/clock.ts'
import type { ClusterState } from '../contract/status.ts'
import { Leadership } from './leadership.ts'

export interface SettledLeadershipOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly own: string
  readonly state: () => ClusterState
  /** How long a name must be led before this replica acts for it. */
  readonly settleMs: () => number
}

/**
 * Names that this replica leads and has led for some time. What the leader of before has begun is seen by then, and
 * replicas that start together have found each other.
 */
export class SettledLeadership {
  readonly #options: SettledLeadershipOptions
  readonly #leadership: Leadership
  readonly #sinceMs = new Map<string, number>()

  constructor(options: SettledLeadershipOptions) {
    this.#options = options
    this.#leadership = new Leadership(options.own, true, () => options.state() === 'joined')
  }

  set members(ids: readonly string[]) {
    this.#leadership.members = ids
    for (const name of this.#sinceMs.keys()) if (!this.#leadership.leads(name)) this.#sinceMs.delete(name)
  }

  /** Asks for a name again and again; false at first. */
  leads(name: string): boolean {
    const { clock, state, settleMs } = this.#options
    if (state() === 'joining' || !this.#leadership.leads(name)) {
      this.#sinceMs.delete(name)
      return false
    }
    const nowMs = clock.monotonicMs()
    const sinceMs = this.#sinceMs.get(name) ?? nowMs
    this.#sinceMs.set(name, sinceMs)
    return nowMs - sinceMs >= settleMs()
  }
}
