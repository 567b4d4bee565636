import { leaderOf } from './rendezvous.ts'

/** Which names this replica leads: all while it is no member, and all of them if work is not divided. */
export class Leadership {
  readonly #own: string
  readonly #isDivided: boolean
  readonly #isMember: () => boolean
  #members: readonly string[] = []
  #leaders = new Map<string, string | undefined>()

  constructor(own: string, isDivided: boolean, isMember: () => boolean) {
    this.#own = own
    this.#isDivided = isDivided
    this.#isMember = isMember
  }

  set members(ids: readonly string[]) {
    this.#members = ids
    this.#leaders = new Map()
  }

  leads(name: string): boolean {
    return (this.leaderOf(name) ?? this.#own) === this.#own
  }

  /** ID of the replica that leads a name; undefined if each replica does. */
  leaderOf(name: string): string | undefined {
    if (!this.#isDivided || !this.#isMember() || this.#members.length === 0) return undefined
    let leader = this.#leaders.get(name)
    if (leader === undefined) {
      leader = leaderOf(name, this.#members)
      this.#leaders.set(name, leader)
    }
    return leader
  }
}
