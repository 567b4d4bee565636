import type { Clock } from '../kernel/clock.ts'
import type { OpenLink, RedisLink } from './connection/redis-link.ts'
import { type ScriptCall, ScriptRunner } from './connection/script-runner.ts'
import { ServerCircuit } from './connection/server-circuit.ts'
import { ServerConnection } from './connection/server-connection.ts'
import type { NewsKind, NewsKinds } from './contract/news.ts'
import type {
  ClusterState,
  ClusterView,
  LeaseView,
  Member,
  ProbeView,
  ReplicaInfo,
} from './contract/status.ts'
import { Membership } from './membership/membership.ts'
import { Newsroom } from './membership/newsroom.ts'
import { type FleetKeys, fleetKeys } from './scripts/keys.ts'
import { publishScript } from './scripts/publish.ts'

export interface ClusterOptions {
  readonly clock: Clock
  readonly id: string
  /** Different for each start of a replica. */
  readonly startId: string
  readonly info: ReplicaInfo
  /** Requests that have ended since the start. */
  readonly requests?: () => number
  readonly keyPrefix: string
  readonly timeoutMs: number
  readonly maxFailures: number
  readonly retryIntervalMs: number
  readonly heartbeatMs: number
  readonly memberTimeoutMs: number
  readonly open: OpenLink
  /** Called once for each change after the start. */
  readonly onState: (state: ClusterState, reason: string | undefined) => void
  readonly onMember: (id: string, action: 'joined' | 'left') => void
}

/** A part of the gateway that shares state through the cluster. */
export interface ClusterPart {
  /**
   * The replica has become a member.
   * @param isReturn whether it has been one before
   * @param hasLapsed whether its membership had ended, so that the server may have lost what it knew of this replica
   */
  joined?(isReturn: boolean, hasLapsed: boolean): void
  /** Messages of the others may have been missed while a connection was replaced; also true for `joined`. */
  missed?(): void
  /** The server cannot be used; a lease that is still valid stays valid. */
  lost?(): void
  membersChanged?(members: readonly Member[]): void
  /** A heartbeat succeeded. */
  beat?(): void
  /** What is not exact now, for views. */
  inexact?(): readonly string[]
}

/** A frozen server accepts connections: a new one is tried after this time without a success. */
const resetAfterMs = 3_000

/** This replica's part of the cluster; it runs on the control thread. */
export class Cluster {
  readonly id: string
  readonly keys: FleetKeys
  /** Key of the numbers of this replica's calls. */
  readonly callsKey: string
  readonly news: Newsroom
  /** Requests in flight by name of the endpoint, sent with each heartbeat. */
  load: () => Readonly<Record<string, number>> = () => ({})
  leases: () => readonly LeaseView[] = () => []
  probes: () => readonly ProbeView[] = () => []
  readonly #options: ClusterOptions
  readonly #circuit: ServerCircuit
  readonly #runner: ScriptRunner
  readonly #beats: ScriptRunner
  readonly #membership: Membership
  readonly #parts: ClusterPart[] = []
  readonly #connection: ServerConnection
  #answeredAtMs = 0
  #state: ClusterState = 'joining'
  #reason: string | undefined
  #sinceMs: number
  #outages = 0
  #hasJoined = false
  #knownIds: readonly string[] = []

  constructor(options: ClusterOptions) {
    this.#options = options
    const { clock, id, timeoutMs, heartbeatMs } = options
    this.id = id
    this.keys = fleetKeys(options.keyPrefix)
    this.callsKey = this.keys.calls(id, options.startId)
    this.news = new Newsroom(id)
    this.#sinceMs = clock.nowMs()
    this.#circuit = new ServerCircuit({
      maxFailures: options.maxFailures,
      onChange: (isOpen, reason) => {
        if (isOpen) this.#lost(reason)
      },
    })
    this.#connection = new ServerConnection({
      clock,
      open: options.open,
      recoveryMs: timeoutMs,
      retryIntervalMs: options.retryIntervalMs,
      onReady: () => {
        if (this.#state === 'joined') for (const part of this.#parts) part.missed?.()
        this.#membership.beatSoon()
      },
      onLost: (reason) => {
        this.#circuit.open(reason)
        if (this.#state === 'away') this.#reason = reason
      },
      onMessage: (text) => this.news.receive(text),
    })
    const common = {
      clock,
      circuit: this.#circuit,
      link: () => this.#ready(),
      replacementOf: (failed: RedisLink) => this.#connection.replacementOf(failed),
    }
    this.#runner = new ScriptRunner({ ...common, timeoutMs })
    // No request waits for a heartbeat.
    this.#beats = new ScriptRunner({ ...common, timeoutMs: Math.max(timeoutMs, heartbeatMs / 2) })
    this.#membership = new Membership({
      clock,
      id,
      info: options.info,
      report: () => ({
        requests: options.requests?.(),
        roundTripMs: this.#membership.roundTripMs,
      }),
      keys: this.keys,
      callsKey: this.callsKey,
      // A server that is away because it is slow is back when it answers in time.
      run: (call, isTrial) =>
        (this.#circuit.isOpen && this.#hasJoined ? this.#runner : this.#beats).run(call, isTrial),
      intervalMs: () => (this.#circuit.isOpen ? options.retryIntervalMs : heartbeatMs),
      memberTimeoutMs: options.memberTimeoutMs,
      load: () => this.load(),
      onJoined: () => this.#joined(true),
      onMembers: (members) => this.#membersChanged(members),
      onBeat: () => {
        this.#answeredAtMs = clock.monotonicMs()
        if (this.#state !== 'joined') this.#joined(false)
        for (const part of this.#parts) part.beat?.()
      },
      onSchema: (version) => this.#lost(`schema ${version}`),
    })
    this.news.on('left', () => this.#membership.beatSoon())
  }

  get state(): ClusterState {
    return this.#state
  }

  /** Members at the last heartbeat that succeeded, this replica included. */
  get memberIds(): readonly string[] {
    return this.#knownIds
  }

  get members(): readonly Member[] {
    return this.#membership.members
  }

  /** Monotonic milliseconds until which leases are valid. */
  get leaseUntilMs(): number {
    return this.#membership.leaseUntilMs
  }

  /** What the server's clock is ahead of this replica's, in milliseconds. */
  get serverAheadMs(): number {
    return this.#membership.serverAheadMs
  }

  /** Of the server's data: another one after the server has lost it. */
  get epoch(): string {
    return this.#membership.epoch
  }

  get isMember(): boolean {
    return this.#membership.isMember
  }

  add(part: ClusterPart): void {
    this.#parts.push(part)
  }

  /** Runs a script for which a request may be waiting. @throws ServerAwayError */
  run(call: ScriptCall): Promise<unknown> {
    return this.#runner.run(call)
  }

  /** The same with more time, for calls for which no request waits. */
  runInBackground(call: ScriptCall): Promise<unknown> {
    return this.#beats.run(call)
  }

  /**
   * Sends a message to the other replicas, if the server can be used; it may be lost.
   * @param onLost called if the server has not confirmed it
   */
  publish<Kind extends NewsKind>(kind: Kind, news: NewsKinds[Kind], onLost?: () => void): void {
    if (this.#state !== 'joined') {
      onLost?.()
      return
    }
    const message = JSON.stringify({ ...news, kind, by: this.id })
    this.#beats
      .run({ script: publishScript, keys: [this.keys.alive], args: [this.keys.news, message] })
      .catch(() => onLost?.())
  }

  /** A request waits for an answer that is late: the server counts as away until the next heartbeat succeeds. */
  suspect(): void {
    this.#circuit.open('timeout')
    this.#membership.beatSoon()
  }

  /** The server has lost this replica's membership: sends a heartbeat at once. */
  rejoin(): void {
    this.#membership.beatSoon()
  }

  start(): void {
    this.#connection.start()
    this.#membership.start()
  }

  /** Leaves the cluster and closes the connection. */
  async stop(): Promise<void> {
    await this.#membership.stop()
    this.#connection.stop()
    this.#runner.stop()
    this.#beats.stop()
  }

  view(): ClusterView {
    const { calls, failures, timeouts } = this.#runner.counts
    const beats = this.#beats.counts
    return {
      replica: this.id,
      state: this.#state,
      sinceMs: this.#sinceMs,
      reason: this.#reason,
      roundTripMs: this.#membership.roundTripMs,
      members: this.#membership.members,
      leases: this.leases(),
      probes: this.probes(),
      inexact: this.#state === 'joined' ? [] : this.#parts.flatMap((part) => part.inexact?.() ?? []),
      counts: {
        calls: calls + beats.calls,
        failures: failures + beats.failures,
        timeouts: timeouts + beats.timeouts,
        outages: this.#outages,
      },
    }
  }

  #ready(): RedisLink | Promise<RedisLink> {
    const nowMs = this.#options.clock.monotonicMs()
    // Trials have found no answer for long: the connection may be to a server that has frozen or is no primary any more.
    const sinceMs = Math.max(this.#answeredAtMs, this.#connection.openedAtMs)
    if (this.#circuit.isOpen && nowMs - sinceMs > resetAfterMs) this.#connection.open()
    return this.#connection.link()
  }

  #joined(hasLapsed: boolean): void {
    const isReturn = this.#hasJoined
    this.#hasJoined = true
    this.#change('joined', undefined)
    for (const part of this.#parts) part.joined?.(isReturn, hasLapsed)
  }

  #lost(reason: string): void {
    // A failover leaves the connection at a server that takes no writes any more.
    if (reason === 'READONLY') this.#connection.reconnect()
    const isNew = this.#state !== 'away'
    if (isNew) this.#outages++
    this.#change('away', reason)
    if (isNew) for (const part of this.#parts) part.lost?.()
  }

  #membersChanged(members: readonly Member[]): void {
    const before = new Set(this.#knownIds)
    this.#knownIds = members.map(({ id }) => id)
    for (const id of this.#knownIds) if (!before.delete(id)) this.#options.onMember(id, 'joined')
    for (const id of before) this.#options.onMember(id, 'left')
    for (const part of this.#parts) part.membersChanged?.(members)
  }

  #change(state: ClusterState, reason: string | undefined): void {
    if (state === this.#state) return
    this.#state = state
    this.#reason = reason
    this.#sinceMs = this.#options.clock.nowMs()
    this.#options.onState(state, reason)
  }
}
