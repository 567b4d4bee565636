import type { Clock, Timer } from '../../kernel/clock.ts'
import type { Cluster, ClusterPart } from '../cluster.ts'
import type { NewsOf } from '../contract/news.ts'
import { askablePrefix, type ReplicaAnswer, type ReplicaQuestion } from '../contract/replica-calls.ts'
import type { Member } from '../contract/status.ts'
import type { SideLink } from '../documents/side-link.ts'
import { answerReadScript, answerWriteScript } from '../scripts/answers.ts'

export interface ReplicaCallsOptions {
  readonly clock: Pick<Clock, 'after'>
  readonly cluster: Pick<Cluster, 'id' | 'keys' | 'members' | 'state' | 'publish'>
  readonly link: Pick<SideLink, 'lookUp' | 'write'>
  /** Asks the threads of this replica. @returns undefined if they have no answer */
  readonly answer: (topic: string, data: unknown) => Promise<unknown>
}

interface Call {
  readonly missing: Set<string>
  readonly end: (answer: ReplicaAnswer | undefined) => void
}

/** All replicas receive what is on the channel: a longer answer has a key, which only the one that asked reads. */
const maxPublished = 4_096
/** A longer answer is none. */
const maxAnswer = 16_777_216
/** Questions under way; more are not asked. */
const maxCalls = 1_000

/** Questions to other replicas and their answers; it runs on the control thread. */
export class ReplicaCalls implements ClusterPart {
  readonly #options: ReplicaCallsOptions
  readonly #calls = new Map<number, Call>()
  #last = 0

  constructor(options: ReplicaCallsOptions) {
    this.#options = options
  }

  /** @returns the first answer; undefined if none has one, or the server is away */
  ask({ topic, data, to, timeoutMs }: ReplicaQuestion): Promise<ReplicaAnswer | undefined> {
    const { clock, cluster } = this.#options
    const others = cluster.members.map(({ id }) => id).filter((id) => id !== cluster.id)
    const missing = new Set(to === null ? others : others.filter((id) => id === to))
    if (missing.size === 0 || cluster.state !== 'joined' || this.#calls.size >= maxCalls)
      return Promise.resolve(undefined)
    const call = ++this.#last
    return new Promise((resolve) => {
      const end = (answer: ReplicaAnswer | undefined) => {
        timer.cancel()
        this.#calls.delete(call)
        resolve(answer)
      }
      const timer: Timer = clock.after(timeoutMs, () => end(undefined))
      this.#calls.set(call, { missing, end })
      cluster.publish('ask', { to, call, topic, data })
    })
  }

  async asked({ by, call, to, topic, data }: NewsOf<'ask'>): Promise<void> {
    const { answer, cluster, link } = this.#options
    if ((to !== null && to !== cluster.id) || !topic.startsWith(askablePrefix)) return
    const value = await answer(topic, data).catch(() => undefined)
    const text = value === undefined ? undefined : JSON.stringify(value)
    if (text === undefined || text.length > maxAnswer) {
      cluster.publish('answer', { to: by, call })
      return
    }
    if (text.length <= maxPublished) {
      cluster.publish('answer', { to: by, call, value })
      return
    }
    const key = `${cluster.keys.answers}${by}:${call}:${cluster.id}`
    const isWritten = await link.write({ script: answerWriteScript, keys: [key], args: [text] }).then(
      () => true,
      () => false,
    )
    cluster.publish('answer', isWritten ? { to: by, call, key } : { to: by, call })
  }

  async answered({ by, call: number, to, value, key }: NewsOf<'answer'>): Promise<void> {
    const { cluster, link } = this.#options
    const call = to === cluster.id ? this.#calls.get(number) : undefined
    if (call === undefined) return
    let found = value
    if (key !== undefined) {
      const text = await link
        .lookUp({ script: answerReadScript, keys: [key], args: [] })
        .catch(() => undefined)
      found = typeof text === 'string' ? JSON.parse(text) : undefined
    }
    this.#end(call, by, found)
  }

  membersChanged(members: readonly Member[]): void {
    const ids = new Set(members.map(({ id }) => id))
    for (const call of [...this.#calls.values()])
      for (const id of [...call.missing]) if (!ids.has(id)) this.#end(call, id, undefined)
  }

  lost(): void {
    for (const call of [...this.#calls.values()]) call.end(undefined)
  }

  #end(call: Call, replica: string, value: unknown): void {
    call.missing.delete(replica)
    if (value !== undefined) call.end({ replica, value })
    else if (call.missing.size === 0) call.end(undefined)
  }
}
