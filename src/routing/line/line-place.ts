import type { Flow, LineBoard, Waiting } from './line-board.ts'
import type { LinePace } from './line-pace.ts'
import type { Rank } from './line-rank.ts'
import type { LineTicket } from './line-ticket.ts'

/** A waiting request as views show it. */
export interface RankedWaiting {
  readonly ticket: LineTicket
  /** Its flow, over all threads. */
  readonly flow: string
  /** If it were the next of its flow. */
  readonly rank: Rank
  /** What its flow is charged for it. */
  readonly charge: number
  readonly sinceMs: number
  /** Between two requests of its lane that get a place; undefined until it has been measured. */
  readonly intervalMs: number | undefined
}

/** All requests of a thread. */
export function rankedOf(board: LineBoard, pace: Pick<LinePace, 'waitMs'>): RankedWaiting[] {
  return board.all().map((waiting) => {
    const { ticket, sinceMs, orderMs, flow, laneRow } = waiting
    return {
      ticket,
      flow: `${flow.key}\n${ticket.lane.scope}`,
      rank: { level: flow.priority, tag: board.startOf(flow, waiting), orderMs },
      charge: ticket.tokens / ticket.weight,
      sinceMs,
      intervalMs: pace.waitMs(laneRow, 1),
    }
  })
}

/** Requests before another one, as far as its thread knows. */
export interface Ahead {
  requests: number
  tokens: number
  /** Requests of this thread in the same lane that are before it, and all of them without itself. */
  sameLane: number
  laneTotal: number
}

/** Above this number of waiting requests, all of them count as before a new one: counting takes too long. */
const maxCounted = 5_000

/** Counts the requests of this thread that would get a place before `mine` if all were served in order now. */
export function aheadOf(board: LineBoard, mine: Waiting): Ahead {
  const ahead: Ahead = { requests: 0, tokens: 0, sameLane: 0, laneTotal: mine.group.count - 1 }
  const all = board.size > maxCounted
  const seen = new Set<object>()
  const own = startsOf(board, mine.flow).get(mine) ?? 0
  for (const slot of mine.ticket.lane.slots) {
    for (const group of board.groupsAt(slot)) {
      if (seen.has(group)) continue
      seen.add(group)
      for (const flow of group.flows.values()) {
        if (flow.priority > mine.flow.priority) continue
        for (const [other, start] of startsOf(board, flow)) {
          if (other === mine) break
          const isAhead =
            all ||
            flow.priority < mine.flow.priority ||
            start < own ||
            (start === own && other.orderMs <= mine.orderMs)
          if (!isAhead) break
          ahead.requests++
          ahead.tokens += other.ticket.tokens
          if (group === mine.group) ahead.sameLane++
        }
      }
    }
  }
  return ahead
}

/** The tag with which each request of a flow will compete when it is its turn. */
function startsOf(board: LineBoard, flow: Flow): Map<Waiting, number> {
  const starts = new Map<Waiting, number>()
  let given = 0
  for (const waiting of flow.waiting) {
    starts.set(waiting, board.startOf(flow, waiting) + given)
    given += waiting.ticket.tokens / waiting.ticket.weight
  }
  return starts
}
