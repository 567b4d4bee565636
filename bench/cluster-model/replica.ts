import { Cluster } from '../../src/cluster/cluster.ts'
import { Leadership } from '../../src/cluster/membership/leadership.ts'
import { PlaceLeases } from '../../src/cluster/places/place-leases.ts'
import { SharedEndpoints } from '../../src/endpoints/shared/shared-endpoints.ts'
import type { Clock } from '../../src/kernel/clock.ts'
import type { EndpointStatus } from '../../src/kernel/endpoint-status.ts'
import { exchangeSessions } from '../../src/routing/affinity/exchange-sessions.ts'
import { ReplicatedSessionStore } from '../../src/routing/affinity/replicated-session-store.ts'
import { LocalSessionStore } from '../../src/routing/affinity/session-store.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import { PlaceLimits, placeCells } from '../../src/routing/selection/place-limits.ts'
import { SharedState } from '../../src/runtime/cells/shared-state.ts'
import type { Line } from './line.ts'

export interface ModelEndpoint {
  readonly slot: number
  readonly name: string
  readonly maxConcurrent: number
}

export interface ReplicaSettings {
  readonly id: string
  readonly clock: Clock
  readonly line: Line
  readonly endpoints: readonly ModelEndpoint[]
  readonly maxSessions: number
  readonly onStatus: (slot: number, status: EndpointStatus) => void
  /** It probes an endpoint from now on. */
  readonly onLed: (slot: number) => void
}

const memberTimeoutMs = 1_500

/** One replica: the product's parts, and in place of the proxy a queue for each endpoint. */
export class ModelReplica {
  readonly id: string
  readonly cluster: Cluster
  readonly sessions: ReplicatedSessionStore
  readonly leadership: Leadership
  readonly #endpoints: readonly ModelEndpoint[]
  readonly #limits: PlaceLimits
  readonly #leases: PlaceLeases
  readonly #shared: SharedEndpoints
  readonly #inFlight
  readonly #statuses: EndpointStatus[]
  readonly #queues: (() => void)[][]
  readonly #onStatus: ReplicaSettings['onStatus']
  #waiting = 0
  isDead = false

  constructor({ id, clock, line, endpoints, maxSessions, onStatus, onLed }: ReplicaSettings) {
    this.id = id
    this.#endpoints = endpoints
    this.#onStatus = onStatus
    this.#statuses = endpoints.map(() => 'healthy')
    this.#queues = endpoints.map(() => [])
    const state = new SharedState({ endpoints: endpoints.length, models: 1 })
    const cells = state.of(placeCells)
    this.#inFlight = state.of(loadCells).inFlight
    this.#limits = new PlaceLimits(clock, cells)
    this.cluster = new Cluster({
      ...{ clock, id, startId: '1', keyPrefix: 'model', timeoutMs: 20, maxFailures: 3, retryIntervalMs: 500 },
      ...{ heartbeatMs: 400, memberTimeoutMs, open: line.open, onState() {}, onMember() {} },
      info: { version: 'model', host: id, startedAtMs: clock.nowMs() },
    })
    const { cluster } = this
    this.leadership = new Leadership(id, true, () => cluster.state === 'joined')
    cluster.add({
      membersChanged: (members) => {
        const slots = endpoints.map(({ slot }) => slot)
        const before = new Set(slots.filter((slot) => this.probes(slot)))
        this.leadership.members = members.map((member) => member.id)
        if (!this.isDead) for (const slot of slots) if (this.probes(slot) && !before.has(slot)) onLed(slot)
      },
    })
    this.#leases = new PlaceLeases({
      ...{ clock, cluster, memberTimeoutMs, timeoutMs: 20 },
      inUse: (slot) => this.#inFlight.value(slot),
      waiting: () => this.#waiting,
      apply(slot, allowed, share) {
        cells.leased[slot] = allowed
        cells.share[slot] = share
      },
      leaseUntil(untilMs) {
        cells.leaseUntilMs[0] = untilMs
      },
      granted: (slot) => this.#wake(slot),
    })
    this.#leases.setEndpoints(endpoints)
    cluster.news.on('places', ({ endpoints: names }) => this.#leases.news(names))
    cluster.news.on('places-reported', ({ by, epoch }) => this.#leases.reported(by, epoch))
    cluster.add(this.#leases)
    const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]))
    const own = new LocalSessionStore({ clock, maxSessions, idleTtlMs: 0 })
    const exchanged = exchangeSessions(cluster, {
      clock,
      maxSessions,
      nameOf: (slot) => endpoints[slot]?.name,
      slotOf: (name) => byName.get(name)?.slot,
      learn: (sessions, areOld) => this.sessions.learn(sessions, areOld),
    })
    this.sessions = new ReplicatedSessionStore(own, clock, (sessions) => exchanged.bound(sessions))
    this.#shared = new SharedEndpoints({
      clock,
      cluster,
      registry: {
        snapshot: { endpoints, byName },
        health: (slot) => this.status(slot),
        statusDetail: () => ({ reason: 'model' }),
        mayAnswer: () => false,
      },
      breakers: { get: () => closedCircuit },
      checker: {
        adopt: (slot, status) => this.#set(slot, status),
        probeNow: async () => undefined,
      },
      pausedUntilMs: new Float64Array(endpoints.length),
      leads: (slot) => this.leadership.leads(endpoints[slot]?.name ?? ''),
    })
    cluster.news.on('endpoints', ({ states }) => this.#shared.news(states))
    cluster.add(this.#shared)
  }

  start(): void {
    this.cluster.start()
    this.#leases.start()
    this.#shared.start()
  }

  /** It ends at once. */
  kill(): void {
    this.isDead = true
    this.#leases.stop()
    this.#shared.stop()
  }

  status(slot: number): EndpointStatus {
    return this.#statuses[slot] ?? 'unknown'
  }

  /** What this replica has seen itself. */
  saw(slot: number, status: EndpointStatus): void {
    this.#set(slot, status)
  }

  probes(slot: number): boolean {
    return this.leadership.leads(this.#endpoints[slot]?.name ?? '')
  }

  /** Takes a place, now or later. */
  acquire(slot: number, go: () => void): void {
    if (this.#tryAcquire(slot)) {
      go()
      return
    }
    this.#queues[slot]?.push(go)
    this.#waiting++
    this.#leases.wanted(slot)
  }

  inFlight(slot: number): number {
    return this.#inFlight.value(slot)
  }

  release(slot: number): void {
    this.#inFlight.release(slot)
    this.#wake(slot)
  }

  #tryAcquire(slot: number): boolean {
    return this.#limits.acquire(this.#inFlight, slot, this.#endpoints[slot]?.maxConcurrent ?? 0)
  }

  #wake(slot: number): void {
    const queue = this.#queues[slot] ?? []
    while (queue.length > 0 && this.#tryAcquire(slot)) {
      this.#waiting--
      queue.shift()?.()
    }
    if (queue.length > 0) this.#leases.wanted(slot)
  }

  #set(slot: number, status: EndpointStatus): void {
    if (this.status(slot) === status) return
    this.#statuses[slot] = status
    this.#onStatus(slot, status)
  }
}

const closedCircuit = {
  state: 'closed',
  retryInMs: () => 0,
  recover() {},
  adopt() {},
} as const
