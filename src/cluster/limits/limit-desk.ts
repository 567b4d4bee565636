import type { Clock } from '../../kernel/clock.ts'
import type { Cluster, ClusterPart } from '../cluster.ts'
import type { LimitAmount, LimitRequest, LimitSettlement, LimitVerdict } from '../contract/limits.ts'
import { limitsScript } from '../scripts/limits.ts'

export interface LimitDeskOptions {
  readonly clock: Pick<Clock, 'after'>
  readonly cluster: Pick<Cluster, 'id' | 'keys' | 'run' | 'state'>
}

interface Waiting {
  readonly request: LimitRequest
  readonly thread: number
  readonly decide: (verdict: LimitVerdict) => void
}

const away: LimitVerdict = { kind: 'away' }
/** What is settled waits for the next request, but no longer than this. */
const settleMs = 20
/** Maximum requests of one call. */
const maxBatch = 200
/** Maximum limits for which amounts are kept while the server is away; further ones are not added later. */
const maxLate = 10_000

/**
 * Asks the server about limits for all threads of this replica. One call is under way at a time; requests that come
 * meanwhile share the next one, as does what was settled. So the slots that the replica holds are known for certain
 * when a call begins, and are sent as an absolute number.
 */
export class LimitDesk implements ClusterPart {
  readonly #options: LimitDeskOptions
  #waiting: Waiting[] = []
  #settled: { key: string; bucket: number; amount: number }[] = []
  readonly #late = new Map<string, LimitAmount>()
  /** Slots in use by thread and name. */
  readonly #held = new Map<number, Map<string, number>>()
  /** Names whose number the server may not have. */
  readonly #changed = new Set<string>()
  #isCalling = false
  #isArmed = false

  constructor(options: LimitDeskOptions) {
    this.#options = options
  }

  decide(request: LimitRequest, thread: number): Promise<LimitVerdict> | LimitVerdict {
    if (this.#options.cluster.state !== 'joined') return away
    return new Promise((decide) => {
      this.#waiting.push({ request, thread, decide })
      // Requests that are read in one turn share a call.
      if (!this.#isCalling && this.#waiting.length === 1) setImmediate(() => this.#call())
    })
  }

  settle({ differences, slots, late }: LimitSettlement, thread: number): void {
    for (const each of differences) if (each.amount !== 0) this.#settled.push({ ...each })
    for (const name of slots) this.#hold(thread, name, -1)
    for (const amount of late) this.#keepLate(amount)
    if (this.#isArmed) return
    this.#isArmed = true
    this.#options.clock.after(settleMs, () => {
      this.#isArmed = false
      this.#call()
    })
  }

  /** A thread has ended: its requests are over. */
  reclaim(thread: number): void {
    for (const name of this.#held.get(thread)?.keys() ?? []) this.#changed.add(name)
    this.#held.delete(thread)
  }

  joined(): void {
    for (const slots of this.#held.values()) for (const name of slots.keys()) this.#changed.add(name)
    this.#call()
  }

  lost(): void {
    for (const { decide } of this.#waiting.splice(0)) decide(away)
    // What the server has of these is unknown until their windows are over.
    this.#settled = []
  }

  inexact(): readonly string[] {
    return ['limits and budgets of keys, owners and teams: each replica uses its share']
  }

  #call(): void {
    const { cluster } = this.#options
    if (this.#isCalling || cluster.state !== 'joined') return
    const batch = this.#waiting.splice(0, maxBatch)
    if (batch.length + this.#settled.length + this.#late.size + this.#changed.size === 0) return
    this.#isCalling = true
    const settled = this.#settled.splice(0)
    const late = [...this.#late.values()]
    this.#late.clear()
    const keys: string[] = []
    const indexes = new Map<string, number>()
    const indexOf = (key: string) => {
      const known = indexes.get(key)
      if (known !== undefined) return known
      indexes.set(key, keys.length)
      return keys.push(`${cluster.keys.limits}${key}`) - 1
    }
    const names = new Set([
      ...this.#changed,
      ...batch.flatMap(({ request }) => request.slots.map(({ key }) => key)),
    ])
    this.#changed.clear()
    const data = {
      own: Object.fromEntries([...names].map((name) => [name, this.#total(name)])),
      settled: settled.map(({ key, bucket, amount }) => [indexOf(key), bucket, amount]),
      late: late.map(({ of: { key, bucketMs, bucket, ttlMs }, amount }) => [
        indexOf(key),
        bucketMs,
        bucket,
        ttlMs,
        amount,
      ]),
      requests: batch.map(({ request: { amounts, slots } }) => ({
        s: slots.map(({ key, limit }) => [key, limit]),
        a: amounts.map(({ of, amount, known }) => [
          indexOf(of.key),
          of.bucketMs,
          of.span,
          of.bucket,
          of.ttlMs,
          of.limit,
          amount,
          known,
        ]),
      })),
    }
    cluster
      .run({
        script: limitsScript,
        keys: [cluster.keys.alive, cluster.keys.slots, ...keys],
        args: [cluster.id, JSON.stringify(data)],
      })
      .then(
        (reply) => {
          const verdicts = Array.isArray(reply) ? reply : []
          for (const [at, waiting] of batch.entries()) this.#decided(waiting, verdictOf(verdicts[at]))
        },
        () => {
          // Nothing waits for a second call.
          for (const waiting of [...batch, ...this.#waiting.splice(0)]) waiting.decide(away)
          for (const name of names) this.#changed.add(name)
        },
      )
      .finally(() => {
        this.#isCalling = false
        // Requests that have been read in this turn come along.
        setImmediate(() => this.#call())
      })
  }

  #decided({ request, thread, decide }: Waiting, verdict: LimitVerdict): void {
    if (verdict.kind === 'reserved') for (const { key } of request.slots) this.#hold(thread, key, 1)
    decide(verdict)
  }

  #hold(thread: number, name: string, change: number): void {
    let slots = this.#held.get(thread)
    if (slots === undefined) {
      slots = new Map()
      this.#held.set(thread, slots)
    }
    const count = (slots.get(name) ?? 0) + change
    if (count > 0) slots.set(name, count)
    else slots.delete(name)
    // The call that has reserved it has sent it to the server.
    if (change < 0) this.#changed.add(name)
  }

  #total(name: string): number {
    let total = 0
    for (const slots of this.#held.values()) total += slots.get(name) ?? 0
    return total
  }

  #keepLate(amount: LimitAmount): void {
    const { key } = amount.of
    const known = this.#late.get(key)
    if (known === undefined && this.#late.size >= maxLate) return
    this.#late.set(key, { ...amount, amount: amount.amount + (known?.amount ?? 0) })
  }
}

function verdictOf(reply: unknown): LimitVerdict {
  if (!Array.isArray(reply)) return away
  const [kind, ...rest] = reply.map(Number)
  if (kind === 1) {
    const buckets = rest.filter((_, index) => index % 2 === 0)
    return { kind: 'reserved', buckets, totals: rest.filter((_, index) => index % 2 === 1) }
  }
  const [at = 0, total = 0, waitMs = 0] = rest
  return kind === 2 ? { kind: 'amount', at, total, waitMs } : { kind: 'slot', at }
}
