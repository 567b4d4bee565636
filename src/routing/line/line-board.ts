import { classes, flowRowOf, laneRowOf } from './line-cells.ts'
import type { FlowTags } from './line-flows.ts'
import type { Lane, LineTicket, LineWaiter } from './line-ticket.ts'

/** A request that waits on this thread. */
export interface Waiting {
  readonly waiter: LineWaiter
  readonly ticket: LineTicket
  readonly sinceMs: number
  /** As `sinceMs`, later for long requests: in this order requests of a flow go. */
  readonly orderMs: number
  /** Row of its caller's tag. */
  readonly row: number
  readonly laneRow: number
  readonly group: LaneGroup
  flow: Flow
  isTrying: boolean
  reentered: boolean
}

/** Waiting requests of one caller and class in one lane, in order of arrival. */
export interface Flow {
  readonly key: string
  readonly row: number
  readonly priority: number
  readonly waiting: Waiting[]
}

/** Flows that wait for the same model at the same endpoints. */
export interface LaneGroup {
  readonly lane: Lane
  readonly flows: Map<string, Flow>
  count: number
}

/** Row of the flow of requests that an operator moved up; it has no tag. */
const movedUpRow = -1
/** Up to this many tokens, requests are equal and go in order of arrival. */
const shortTokens = 4_096
/** A longer one lets shorter ones pass: as many tokens of each other flow, and in its own flow for as long. */
const maxYieldTokens = 65_536
const maxYieldMs = 10_000
/** A rate at which machines of a home read prompts. */
const tokensPerMs = 10
const noGroups: readonly LaneGroup[] = []

/** The waiting requests of one thread, by lane and flow. */
export class LineBoard {
  readonly #tags: Pick<FlowTags, 'get'>
  readonly #groups = new Map<string, LaneGroup>()
  readonly #bySlot = new Map<number, LaneGroup[]>()
  readonly #waiters = new Map<LineWaiter, Waiting>()
  /** Number of requests that wait for an endpoint, by class. */
  readonly #classes = new Map<number, number>()

  constructor(tags: Pick<FlowTags, 'get'>) {
    this.#tags = tags
  }

  get size(): number {
    return this.#waiters.size
  }

  get(waiter: LineWaiter): Waiting | undefined {
    return this.#waiters.get(waiter)
  }

  /** In order of arrival; a copy. */
  all(): Waiting[] {
    return [...this.#waiters.values()]
  }

  groupsAt(slot: number): readonly LaneGroup[] {
    return this.#bySlot.get(slot) ?? noGroups
  }

  isWaiting(flow: string, { lane, priority }: LineTicket): boolean {
    return this.#groups.get(lane.key)?.flows.has(flowKey(flow, priority)) === true
  }

  /** @param flow of the ticket, or one for all */
  add(waiter: LineWaiter, ticket: LineTicket, flowName: string, sinceMs: number): Waiting {
    const group = this.#groupOf(ticket.lane)
    const row = flowRow(flowName, ticket.lane)
    const flow = flowOf(group, flowKey(flowName, ticket.priority), row, ticket.priority)
    const waiting: Waiting = {
      waiter,
      ticket,
      sinceMs,
      orderMs: sinceMs + Math.min(maxYieldMs, excessTokens(ticket) / tokensPerMs),
      row,
      laneRow: laneRowOf(ticket.lane.key),
      group,
      flow,
      isTrying: false,
      reentered: false,
    }
    insert(flow, waiting)
    group.count++
    this.#waiters.set(waiter, waiting)
    this.#count(waiting, 1)
    return waiting
  }

  remove(waiting: Waiting): void {
    this.#waiters.delete(waiting.waiter)
    this.#count(waiting, -1)
    dropFrom(waiting.group, waiting)
    if (--waiting.group.count > 0) return
    const { lane } = waiting.group
    this.#groups.delete(lane.key)
    for (const slot of lane.slots) {
      const groups = this.#bySlot.get(slot) ?? []
      groups.splice(groups.indexOf(waiting.group), 1)
      if (groups.length === 0) this.#bySlot.delete(slot)
    }
  }

  /** Puts a request before all others of its lane. */
  moveUp(waiting: Waiting): void {
    this.#count(waiting, -1)
    dropFrom(waiting.group, waiting)
    waiting.flow = flowOf(waiting.group, 'moved up', movedUpRow, 0)
    waiting.flow.waiting.push(waiting)
    this.#count(waiting, 1)
  }

  tagOf({ row }: Flow): number {
    return row === movedUpRow ? Number.NEGATIVE_INFINITY : this.#tags.get(row)
  }

  /** The tag with which a request of the flow competes: a long one yields. */
  startOf(flow: Flow, { ticket }: Pick<Waiting, 'ticket'>): number {
    return this.tagOf(flow) + Math.min(maxYieldTokens, excessTokens(ticket)) / ticket.weight
  }

  /** The request of a class that goes first at an endpoint. @param accepts which lanes count */
  firstOf(slot: number, priority: number, accepts?: (group: LaneGroup) => boolean): Waiting | undefined {
    let first: Waiting | undefined
    let firstStart = 0
    for (const group of this.groupsAt(slot)) {
      if (accepts?.(group) === false) continue
      for (const flow of group.flows.values()) {
        if (flow.priority !== priority || (first !== undefined && this.tagOf(flow) > firstStart)) continue
        const found = flow.waiting.find(({ isTrying, waiter }) => !isTrying && waiter.wants(slot))
        if (found === undefined) continue
        const start = this.startOf(flow, found)
        if (
          first !== undefined &&
          (start > firstStart || (start === firstStart && found.orderMs >= first.orderMs))
        )
          continue
        first = found
        firstStart = start
      }
    }
    return first
  }

  /** The lowest tag of the flows of a lane's endpoints: the highest of the endpoints' lowest. */
  lowestTagFor({ slots }: Lane, other: (slot: number) => number | undefined): number | undefined {
    let highest: number | undefined
    for (const slot of slots) {
      let lowest = other(slot)
      for (const { flows } of this.groupsAt(slot)) {
        for (const flow of flows.values()) {
          if (flow.row === movedUpRow) continue
          const tag = this.#tags.get(flow.row)
          if (lowest === undefined || tag < lowest) lowest = tag
        }
      }
      if (lowest !== undefined && (highest === undefined || lowest > highest)) highest = lowest
    }
    return highest
  }

  /** Whether a request of the class waits for the endpoint. */
  hasClass(slot: number, priority: number): boolean {
    return (this.#classes.get(slot * classes + priority) ?? 0) > 0
  }

  #count({ ticket, flow }: Waiting, by: number): void {
    for (const slot of ticket.lane.slots) {
      const key = slot * classes + flow.priority
      this.#classes.set(key, (this.#classes.get(key) ?? 0) + by)
    }
  }

  #groupOf(lane: Lane): LaneGroup {
    const known = this.#groups.get(lane.key)
    if (known !== undefined) return known
    const group: LaneGroup = { lane, flows: new Map(), count: 0 }
    this.#groups.set(lane.key, group)
    for (const slot of lane.slots) {
      const groups = this.#bySlot.get(slot)
      if (groups === undefined) this.#bySlot.set(slot, [group])
      else groups.push(group)
    }
    return group
  }
}

function flowOf(group: LaneGroup, key: string, row: number, priority: number): Flow {
  let flow = group.flows.get(key)
  if (flow === undefined) {
    flow = { key, row, priority, waiting: [] }
    group.flows.set(key, flow)
  }
  return flow
}

function dropFrom(group: LaneGroup, waiting: Waiting): void {
  const { flow } = waiting
  flow.waiting.splice(flow.waiting.indexOf(waiting), 1)
  if (flow.waiting.length === 0) group.flows.delete(flow.key)
}

/** Behind those that came earlier or are shorter. */
function insert({ waiting }: Flow, added: Waiting): void {
  let at = waiting.length
  while (at > 0 && (waiting[at - 1]?.orderMs ?? 0) > added.orderMs) at--
  waiting.splice(at, 0, added)
}

function excessTokens({ tokens }: LineTicket): number {
  return Math.max(0, tokens - shortTokens)
}

function flowKey(flow: string, priority: number): string {
  return `${priority}\n${flow}`
}

export function flowRow(flow: string, { scope }: Lane): number {
  return flowRowOf(`${flow}\n${scope}`)
}
