import type { Timer } from '../../src/kernel/clock.ts'
import { exponential, seeded } from '../affinity/random.ts'
import { Line } from './line.ts'
import { ModelServer } from './model-server.ts'
import { type ModelEndpoint, ModelReplica } from './replica.ts'
import { VirtualTime } from './virtual-clock.ts'

export interface ModelOptions {
  readonly seed: number
  readonly replicas?: number
  readonly endpoints?: number
  readonly clients?: number
  readonly maxConcurrent?: number
  /** Share of calls whose connection is cut. */
  readonly cutShare?: number
  /** Milliseconds one way: at least, and on average beyond that. */
  readonly delayMs?: readonly [least: number, more: number]
}

export interface ModelFigures {
  readonly requests: number
  readonly calls: number
  readonly cuts: number
  /** Requests in flight beyond `max_concurrent`: while all are connected, while some are cut off, and a while later. */
  readonly overrun: { readonly joined: number; readonly partitioned: number; readonly after: number }
  /** Endpoints that died. */
  readonly deaths: number
  /** Milliseconds until all replicas knew of the death of an endpoint that one of them saw. */
  readonly deathMs: readonly number[]
  /** Most probes of an endpoint within an interval, and intervals without any, while all are connected. */
  readonly probes: { readonly most: number; readonly missed: number; readonly each: number }
  /** Milliseconds without a probe of an endpoint whose prober was killed, at most. */
  readonly unprobedMs: number
  /** Milliseconds until the others had the places of a killed replica. */
  readonly freedMs: number
  /** Milliseconds until the others knew of a killed replica. */
  readonly leftMs: number
  /**
   * Conversations with a turn that went to another endpoint while all were connected, and in or after the partition;
   * the longest time between an answer and such a turn while all were connected.
   */
  readonly split: {
    readonly joined: number
    readonly partitioned: number
    readonly turns: number
    readonly withinMs: number
  }
}

const probeIntervalMs = 5_000
const answerMs = 400
const thinkMs = 4_000
/** When what happens. */
const at = {
  steady: 3_000,
  deaths: 8_000,
  killed: 15_000,
  partition: 22_000,
  healed: 30_000,
  calm: 34_000,
  end: 45_000,
}

/** The life of a fleet: deaths of endpoints, the death of a replica, a partition of a third of the replicas. */
export async function simulateFleet(options: ModelOptions): Promise<ModelFigures> {
  const { seed, cutShare = 0.001, delayMs: [leastMs, moreMs] = [0.2, 0.5] } = options
  const { replicas: replicaCount = 20, endpoints: endpointCount = 200, clients = 10_000 } = options
  const { maxConcurrent = 24 } = options
  // The rest takes their load.
  const deathCount = Math.ceil(endpointCount / 10)
  const random = seeded(seed)
  const time = new VirtualTime()
  const lines: Line[] = []
  const server = new ModelServer(
    () => Math.floor(time.nowMs),
    (_channel, message) => {
      for (const line of lines) line.receive(message)
    },
  )
  const endpoints: ModelEndpoint[] = Array.from({ length: endpointCount }, (_, slot) => ({
    slot,
    name: `endpoint ${slot}`,
    maxConcurrent,
  }))
  const dead = new Set<number>()
  const deaths: { slot: number; sinceMs: number; knownBy: Set<string> }[] = []
  const deathMs: number[] = []
  const replicas = Array.from({ length: replicaCount }, (_, index): ModelReplica => {
    const line = new Line({
      ...{ time, random, cutShare, server: () => server },
      delayMs: () => leastMs + exponential(random, moreMs),
    })
    lines.push(line)
    const replica: ModelReplica = new ModelReplica({
      id: `r${String(index).padStart(2, '0')}`,
      // Clocks up to an hour apart.
      clock: time.clock((random() - 0.5) * 7_200_000),
      line,
      endpoints,
      maxSessions: clients * 2,
      onStatus(slot, status) {
        const death = deaths.find((each) => each.slot === slot)
        if (status !== 'offline' || death === undefined) return
        death.knownBy.add(replica.id)
        if (death.knownBy.size === living().length) deathMs.push(time.nowMs - death.sinceMs)
      },
      onLed: (slot) => probe(replica, slot),
    })
    return replica
  })
  const living = () => replicas.filter(({ isDead }) => !isDead)

  // What is in flight at an endpoint, over all replicas.
  const inFlight = new Int32Array(endpointCount)
  const overrun = { joined: 0, partitioned: 0, after: 0 }
  const phase = () =>
    time.nowMs < at.partition || time.nowMs >= at.calm
      ? 'joined'
      : time.nowMs < at.healed
        ? 'partitioned'
        : 'after'
  const split = { joined: 0, partitioned: 0, turns: 0, withinMs: 0 }
  let requests = 0
  const fleetWide = (from: number) => {
    for (let tries = 0; tries < endpointCount; tries++) {
      const slot = (from + tries) % endpointCount
      if (!dead.has(slot)) return slot
    }
    return from
  }

  /** A client has one conversation after the other; each turn reaches any replica. */
  function startClient(client: number): void {
    let turn = 0
    let conversation = 0
    let home: number | undefined
    let isLate = false
    let isSplit = false
    let [answeredAtMs, gapMs] = [0, 0]
    const next = () => time.after(exponential(random, thinkMs), ask)
    const ask = () => {
      gapMs = time.nowMs - answeredAtMs
      // A gateway does not listen before the server has answered.
      const able = living().filter(({ cluster }) => cluster.state !== 'joining')
      const replica = able[Math.floor(random() * able.length)]
      if (replica === undefined) {
        next()
        return
      }
      if (turn++ % 12 === 0) {
        conversation++
        home = undefined
        isLate = phase() !== 'joined'
        isSplit = false
      }
      const key = client * 1_000 + conversation
      const bound = replica.sessions.get(key)
      const isUsable = bound !== undefined && replica.status(bound) === 'healthy'
      const slot = isUsable ? bound : fleetWide(Math.floor(random() * endpointCount))
      replica.acquire(slot, () => {
        if (replica.isDead) {
          next()
          return
        }
        requests++
        if (dead.has(slot)) {
          replica.saw(slot, 'offline')
          replica.release(slot)
          home = undefined
          next()
          return
        }
        inFlight[slot] = (inFlight[slot] ?? 0) + 1
        overrun[phase()] = Math.max(overrun[phase()], (inFlight[slot] ?? 0) - maxConcurrent)
        time.after(exponential(random, answerMs), () => {
          if (replica.isDead) {
            next()
            return
          }
          inFlight[slot] = (inFlight[slot] ?? 0) - 1
          replica.release(slot)
          replica.sessions.set(key, slot)
          split.turns++
          if (home !== undefined && home !== slot && !dead.has(home) && !isSplit) {
            isSplit = true
            if (isLate || phase() !== 'joined') split.partitioned++
            else {
              split.joined++
              split.withinMs = Math.max(split.withinMs, gapMs)
            }
          }
          home = slot
          answeredAtMs = time.nowMs
          next()
        })
      })
    }
    time.after(random() * thinkMs, ask)
  }

  const probes = { most: 0, missed: 0, each: 0 }
  let [counted, intervals] = [0, 0]
  const probed = endpoints.map(() => ({ count: 0, atMs: 0, gapMs: 0 }))
  let killedSlots = new Set<number>()
  const probeTimers = new Map<ModelReplica, Timer[]>()
  function probeLater(replica: ModelReplica, slot: number, inMs: number): void {
    const timers = probeTimers.get(replica) ?? []
    probeTimers.set(replica, timers)
    timers[slot]?.cancel()
    timers[slot] = time.after(inMs, () => probe(replica, slot))
  }
  /** If it is this replica that probes the endpoint. */
  function probe(replica: ModelReplica, slot: number): void {
    if (replica.isDead) return
    probeLater(replica, slot, probeIntervalMs)
    if (!replica.probes(slot)) return
    const seen = probed[slot]
    if (seen !== undefined) {
      seen.count++
      if (killedSlots.has(slot)) seen.gapMs = Math.max(seen.gapMs, time.nowMs - seen.atMs)
      seen.atMs = time.nowMs
    }
    if (dead.has(slot)) replica.saw(slot, 'offline')
  }
  function countProbes(): void {
    if (
      phase() === 'joined' &&
      time.nowMs > at.steady &&
      Math.abs(time.nowMs - at.killed) > 2 * probeIntervalMs
    ) {
      for (const { count } of probed) {
        intervals++
        counted += count
        probes.most = Math.max(probes.most, count)
        if (count === 0) probes.missed++
      }
    }
    for (const each of probed) each.count = 0
    time.after(probeIntervalMs, countProbes)
  }

  for (const replica of replicas) {
    time.after(random() * 500, () => replica.start())
    for (const { slot } of endpoints) probeLater(replica, slot, random() * probeIntervalMs)
  }
  for (let client = 0; client < clients; client++) startClient(client)
  time.after(at.steady, countProbes)

  for (let death = 0; death < deathCount; death++) {
    time.after(at.deaths + death * 200, () => {
      const slot = (death * 7) % endpointCount
      dead.add(slot)
      const seen = { slot, sinceMs: Number.NaN, knownBy: new Set<string>() }
      deaths.push(seen)
      // One replica sees it; the others only hear of it.
      const [first] = living().toSorted(() => random() - 0.5)
      seen.sinceMs = time.nowMs
      first?.saw(slot, 'offline')
    })
  }

  const [killed] = replicas
  const times = { freedMs: Number.NaN, leftMs: Number.NaN }
  time.after(at.killed, () => {
    if (killed === undefined) return
    killedSlots = new Set(endpoints.map(({ slot }) => slot).filter((slot) => killed.probes(slot)))
    // The endpoint sees its connections close.
    for (const { slot } of endpoints) inFlight[slot] = (inFlight[slot] ?? 0) - killed.inFlight(slot)
    killed.kill()
    const line = lines[0]
    if (line !== undefined) line.isSilent = true
    const watch = () => {
      const others = living()
      if (Number.isNaN(times.freedMs) && !server.holders.has(killed.id))
        times.freedMs = time.nowMs - at.killed
      if (others.every(({ cluster }) => !cluster.memberIds.includes(killed.id))) {
        times.leftMs = time.nowMs - at.killed
        if (!Number.isNaN(times.freedMs)) return
      }
      time.after(5, watch)
    }
    watch()
  })
  const cutOff = lines.slice(1, 1 + Math.floor(replicaCount / 3))
  time.after(at.partition, () => {
    for (const line of cutOff) line.isSilent = true
  })
  time.after(at.healed, () => {
    for (const line of cutOff) line.isSilent = false
  })
  await time.runUntil(at.end)
  for (const replica of living()) replica.kill()
  probes.each = counted / Math.max(1, intervals)
  return {
    requests,
    calls: lines.reduce((sum, line) => sum + line.calls, 0),
    cuts: lines.reduce((sum, line) => sum + line.cuts, 0),
    overrun,
    deaths: deathCount,
    deathMs,
    probes,
    unprobedMs: Math.max(0, ...probed.map(({ gapMs }) => gapMs)),
    ...times,
    split,
  }
}
