import type { Clock, Timer } from '../../kernel/clock.ts'
import type { Cluster, ClusterPart } from '../cluster.ts'
import { PendingCalls } from '../connection/pending-calls.ts'
import type { PlaceNews } from '../contract/news.ts'
import type { LeaseView } from '../contract/status.ts'
import { LossReports } from '../membership/loss-reports.ts'
import { shareOf } from '../membership/shares.ts'
import { placesScript } from '../scripts/places.ts'
import { type Lease, type LimitedEndpoint, newLease } from './lease.ts'

export interface PlaceLeasesOptions {
  readonly clock: Clock
  readonly cluster: Pick<
    Cluster,
    | 'id'
    | 'keys'
    | 'callsKey'
    | 'run'
    | 'runInBackground'
    | 'rejoin'
    | 'suspect'
    | 'isMember'
    | 'leaseUntilMs'
    | 'memberIds'
    | 'state'
    | 'epoch'
    | 'publish'
  >
  /** Requests in flight. */
  readonly inUse: (slot: number) => number
  /** Requests that wait for a place at any endpoint, over all threads. */
  readonly waiting: () => number
  /** Sets what requests may use. Called when one of them changes. */
  readonly apply: (slot: number, allowed: number, share: number) => void
  /** Until when what they may use is a lease: then it is the share. */
  readonly leaseUntil: (monotonicMs: number) => void
  /** More may be used than before: requests that wait can go on. */
  readonly granted: (slot: number, places: number) => void
  readonly memberTimeoutMs: number
  /** Maximum time that a request without a place waits for the server. */
  readonly timeoutMs: number
}

/** Interval at which use is compared with the leases. */
const pollMs = 10
/** A replica that got less than it wants asks again after this time, unless the server reports free places before. */
const askAgainMs = 50
/** The same for a reserve. */
const askReserveMs = 500
/** What a replica is to use of its places depends on what the others need: advice that is older is renewed. */
const adviceMs = 250
/** The reserve grows with an eighth of the requests in flight. */
const reserveShift = 3

/**
 * The places that this replica holds at endpoints with `max_concurrent`, as the server counts them. Requests take them
 * without a call; calls move them between replicas. At most one call is under way.
 */
export class PlaceLeases implements ClusterPart {
  readonly #options: PlaceLeasesOptions
  #leases: Lease[] = []
  readonly #byName = new Map<string, Lease>()
  #bySlot: (Lease | undefined)[] = []
  #timer: Timer | undefined
  #isCalling = false
  /** Of the last call. */
  #number = 0
  #isStopped = false
  /** Monotonic milliseconds until which the others may not have reported what they use. */
  #settlesAtMs = 0
  #wasMember = false
  /** Of the server, when this replica joined last. */
  #epoch = ''
  readonly #reports: LossReports
  /** The others are to know when the server has this replica's places. */
  #hasToReport = false
  readonly #waits: PendingCalls
  /** Monotonic milliseconds since when a request without a place waits for a call that was sent then or later. */
  #waitsSinceMs: number | undefined
  #calledAtMs = 0

  constructor(options: PlaceLeasesOptions) {
    this.#options = options
    this.#waits = new PendingCalls(options.clock, options.timeoutMs)
    this.#reports = new LossReports(options.cluster.id)
  }

  /** Sets the endpoints with `max_concurrent`; they may change at run time. */
  setEndpoints(endpoints: readonly LimitedEndpoint[]): void {
    this.#bySlot = []
    for (const lease of this.#leases) lease.isLeaving = true
    for (const endpoint of endpoints) {
      const lease = this.#byName.get(endpoint.name) ?? newLease(endpoint)
      if (!this.#byName.has(endpoint.name)) this.#leases.push(lease)
      this.#byName.set(endpoint.name, lease)
      if (lease.endpoint.slot !== endpoint.slot) lease.shown = -1
      lease.endpoint = endpoint
      lease.isLeaving = false
      lease.isDirty = true
      this.#bySlot[endpoint.slot] = lease
    }
    for (const lease of this.#leases) if (lease.isLeaving) lease.isContended = true
    this.#show()
    this.#poll()
  }

  start(): void {
    this.#arm()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#waits.stop()
  }

  joined(isReturn: boolean): void {
    const { epoch, memberIds } = this.#options.cluster
    if (isReturn) {
      this.#settle()
      this.#hasToReport = epoch !== this.#epoch
      // Leases of the others may be as valid as this replica's was until now.
      if (this.#hasToReport && this.#wasMember) this.#reports.begin(epoch, memberIds)
      else this.#reports.end()
    }
    this.#epoch = epoch
    for (const lease of this.#leases) {
      lease.isDirty = true
      lease.quietUntilMs = 0
    }
    if (this.#leases.length === 0) this.#report()
    this.#call()
  }

  /** Another replica has reported its places to a server that has lost its data. */
  reported(by: string, epoch: string): void {
    const { cluster, clock } = this.#options
    if (epoch !== cluster.epoch) cluster.rejoin()
    if (!this.#reports.received(by, epoch, cluster.epoch)) return
    this.#settlesAtMs = clock.monotonicMs()
    for (const lease of this.#leases) lease.quietUntilMs = 0
    this.#poll()
  }

  #report(): void {
    if (!this.#hasToReport) return
    this.#hasToReport = false
    this.#options.cluster.publish('places-reported', { epoch: this.#epoch })
  }

  /**
   * After an outage each replica starts from its share and what it has in flight: the others may have used their
   * shares of what this one held before.
   */
  #settle(): void {
    const { clock, memberTimeoutMs, inUse } = this.#options
    this.#settlesAtMs = clock.monotonicMs() + memberTimeoutMs
    for (const lease of this.#leases) {
      lease.settlingShare = this.#share(lease)
      lease.allowed = Math.min(lease.allowed, lease.settlingShare)
    }
    this.#show()
    for (const lease of this.#leases) {
      lease.held = Math.min(lease.held, Math.max(lease.settlingShare, inUse(lease.endpoint.slot)))
    }
  }

  lost(): void {
    this.#waitsSinceMs = undefined
    this.#show()
  }

  membersChanged(): void {
    for (const lease of this.#leases) if (lease.isWanted) lease.quietUntilMs = 0
    this.#show()
    this.#poll()
  }

  beat(): void {
    this.#options.leaseUntil(this.#options.cluster.leaseUntilMs)
    this.#show()
  }

  inexact(): readonly string[] {
    return this.#leases.length === 0 ? [] : ['max_concurrent of endpoints: each replica uses its share']
  }

  /** Requests wait for places of this endpoint. */
  wanted(slot: number): void {
    const lease = this.#bySlot[slot]
    if (lease === undefined) return
    if (!lease.isWanted) lease.quietUntilMs = 0
    lease.isWanted = true
    const nowMs = this.#options.clock.monotonicMs()
    this.#poll()
    const isAsking = this.#isCalling && (lease.isDirty || lease.calledAtMs >= nowMs)
    if (isAsking && lease.allowed === 0) this.#awaitAnswer(nowMs)
  }

  /** The call that is under way may be one that can take longer. */
  #awaitAnswer(sinceMs: number): void {
    if (this.#waitsSinceMs !== undefined) return
    this.#waitsSinceMs = sinceMs
    this.#waits.begin(() => {
      if (this.#waitsSinceMs !== sinceMs) return
      this.#waitsSinceMs = undefined
      this.#options.cluster.suspect()
    })
  }

  /** Another replica wants places, or has given some back. */
  news(endpoints: readonly PlaceNews[]): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const [what, name, holds = 0] of endpoints) {
      const lease = this.#byName.get(name)
      if (lease === undefined) continue
      if (what === 'wanted') {
        const hasIdle = lease.held > this.#options.inUse(lease.endpoint.slot)
        const isNews = !lease.isContended || holds === 0 || nowMs - lease.calledAtMs > adviceMs
        lease.isContended = true
        // The answer says how many places this replica is to use.
        if (lease.held > 0 && (hasIdle || isNews)) lease.isDirty = true
      } else if (this.#need(lease) > lease.held) {
        lease.isDirty = true
        lease.quietUntilMs = 0
      }
    }
    this.#poll()
  }

  view(): LeaseView[] {
    return this.#leases.map(({ endpoint, held, shown }) => ({
      endpoint: endpoint.name,
      maxConcurrent: endpoint.maxConcurrent,
      held,
      inUse: this.#options.inUse(endpoint.slot),
      allowed: shown,
    }))
  }

  #arm(): void {
    this.#timer = this.#options.clock.after(pollMs, () => {
      this.#poll()
      if (!this.#isStopped) this.#arm()
    })
  }

  /** Marks the leases that do not fit their use any more. */
  #poll(): void {
    const { clock, waiting, cluster } = this.#options
    const nowMs = clock.monotonicMs()
    const anyWaiting = waiting() > 0
    if (cluster.isMember !== this.#wasMember) {
      this.#wasMember = cluster.isMember
      this.#show()
    }
    for (const lease of this.#leases) {
      if (lease.isWanted && !anyWaiting) lease.isWanted = false
      const used = this.#inUse(lease)
      const need = this.#need(lease)
      const lacks = need + this.#reserve(lease, used) > lease.allowed && nowMs >= lease.quietUntilMs
      // Places that others need are given back as soon as they are unused.
      const returns = lease.isContended && lease.held > Math.max(used, Math.min(lease.allowed, need))
      if (lease.isLeaving && lease.held === 0 && !this.#isCalling) this.#forget(lease)
      // The others give places back for what this replica needs.
      const needsLess = lease.sentNeed > lease.held && need <= lease.held
      if (lacks) lease.asks = true
      if (lacks || returns || needsLess) lease.isDirty = true
    }
    this.#call()
  }

  #forget(lease: Lease): void {
    this.#leases = this.#leases.filter((each) => each !== lease)
    this.#byName.delete(lease.endpoint.name)
  }

  /** Requests in flight. The row of an endpoint that was removed may have another one. */
  #inUse({ endpoint, isLeaving }: Lease): number {
    const isOthers = isLeaving && this.#bySlot[endpoint.slot] !== undefined
    return isOthers ? 0 : this.#options.inUse(endpoint.slot)
  }

  /** Places for what is in flight and waiting. */
  #need({ endpoint, isWanted, isLeaving }: Lease): number {
    if (isLeaving) return 0
    const waiting = isWanted ? this.#options.waiting() : 0
    return Math.min(endpoint.maxConcurrent, this.#options.inUse(endpoint.slot) + waiting)
  }

  /** Places for the next requests: they need not wait for a call. */
  #reserve({ endpoint, isContended }: Lease, used: number): number {
    return isContended ? 0 : Math.min(endpoint.maxConcurrent - used, 1 + (used >> reserveShift))
  }

  #call(): void {
    const { cluster, clock } = this.#options
    if (this.#isCalling || this.#isStopped || cluster.state !== 'joined') return
    const leases = this.#leases.filter((lease) => lease.isDirty)
    if (leases.length === 0) return
    this.#isCalling = true
    this.#calledAtMs = clock.monotonicMs()
    const isSettling = clock.monotonicMs() < this.#settlesAtMs
    const isUrgent = leases.some((lease) => lease.isWanted)
    const args: string[] = [cluster.id, String(++this.#number), cluster.keys.news, cluster.epoch]
    for (const lease of leases) {
      const { name, maxConcurrent } = lease.endpoint
      lease.isDirty = false
      const need = this.#need(lease)
      // Requests must not use what is given back: the limit is lowered before what is in use is read.
      if (lease.isContended && lease.allowed > need) {
        lease.allowed = need
        this.#show()
      }
      const used = this.#inUse(lease)
      // Without others, unused places are kept.
      const reserve = lease.isContended ? 0 : Math.max(this.#reserve(lease, used), lease.held - need)
      const settling = this.#reports.areMissing ? used : lease.settlingShare
      const most = isSettling ? Math.max(lease.held, settling) : maxConcurrent
      const keep = Math.max(lease.allowed, used)
      lease.sentNeed = need
      args.push(name, ...[maxConcurrent, need, reserve, keep, most, Number(lease.asks)].map(String))
      lease.asks = false
      lease.calledAtMs = clock.monotonicMs()
    }
    const call = {
      script: placesScript,
      keys: [cluster.keys.alive, cluster.keys.places, cluster.callsKey],
      args,
    }
    const sent = isUrgent ? cluster.run(call) : cluster.runInBackground(call)
    sent
      .then(
        (reply) => this.#answered(leases, reply),
        () => this.#unanswered(leases),
      )
      .finally(() => {
        this.#isCalling = false
        this.#call()
      })
  }

  #answered(leases: readonly Lease[], reply: unknown): void {
    const { cluster, clock } = this.#options
    if (this.#waitsSinceMs !== undefined && this.#calledAtMs >= this.#waitsSinceMs)
      this.#waitsSinceMs = undefined
    if (!Array.isArray(reply) || reply[0] !== 'ok') {
      for (const lease of leases) lease.isDirty = true
      cluster.rejoin()
      // The next heartbeat makes this replica a member again, which calls `joined`.
      this.#quiet(leases)
      return
    }
    const nowMs = clock.monotonicMs()
    for (const [index, lease] of leases.entries()) {
      lease.held = Number(reply[1 + index * 3])
      lease.allowed = Math.min(lease.held, Number(reply[2 + index * 3]))
      lease.isContended = lease.isLeaving || Number(reply[3 + index * 3]) === 1
      lease.quietUntilMs = nowMs + (this.#need(lease) > lease.allowed ? askAgainMs : askReserveMs)
    }
    this.#show()
    this.#report()
  }

  #unanswered(leases: readonly Lease[]): void {
    this.#quiet(leases)
    // Requests wait only for the server.
    if (leases.some(({ isWanted, allowed }) => isWanted && allowed === 0)) this.#options.cluster.suspect()
  }

  #quiet(leases: readonly Lease[]): void {
    const quietUntilMs = this.#options.clock.monotonicMs() + askAgainMs
    for (const lease of leases) lease.quietUntilMs = quietUntilMs
  }

  #share({ endpoint }: Lease): number {
    const { cluster } = this.#options
    return shareOf(endpoint.maxConcurrent, cluster.id, cluster.memberIds)
  }

  #allowed({ allowed }: Lease, share: number): number {
    return this.#options.cluster.state === 'away' ? Math.max(allowed, share) : allowed
  }

  /** Sets what requests may use, and wakes those that wait for what is new. */
  #show(): void {
    for (const lease of this.#leases) {
      if (lease.isLeaving) continue
      const share = this.#share(lease)
      const allowed = this.#allowed(lease, share)
      // A replica that was stopped for a while must not use a share that the others have taken over: without a lease it
      // waits for the next heartbeat, which ends the wait either way.
      const alone = this.#options.cluster.state === 'joined' ? 0 : share
      this.#options.apply(lease.endpoint.slot, allowed, alone)
      const before = lease.shown
      lease.shown = this.#options.cluster.isMember ? allowed : alone
      if (lease.shown > before) this.#options.granted(lease.endpoint.slot, lease.shown - Math.max(0, before))
    }
  }
}
