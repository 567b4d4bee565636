import type { ThreadRows } from '../../kernel/cells/thread-rows.ts'
import type { LaneGroup, LineBoard } from './line-board.ts'
import { classes, firstColumn, type LineCells } from './line-cells.ts'
import { compareRanks, excludedLevel, levelOf, type Rank } from './line-rank.ts'
import type { Lane } from './line-ticket.ts'

interface First {
  readonly tag: number
  readonly orderMs: number
}

/** The threads of one gateway. */
export interface LineThreads {
  readonly thread: number
  readonly threads: number
}

/**
 * The first request of each thread, by endpoint and class, in shared cells. What a thread shows is never behind what it
 * has: its request may rank lower by the time that it is offered a place.
 */
export class LineFirsts {
  readonly #rows: ThreadRows
  readonly #passedOverMs: Float64Array
  readonly #board: LineBoard
  readonly #threads: LineThreads

  constructor(
    { firsts, passedOverMs }: Pick<LineCells, 'firsts' | 'passedOverMs'>,
    board: LineBoard,
    threads: LineThreads,
  ) {
    this.#rows = firsts
    this.#passedOverMs = passedOverMs
    this.#board = board
    this.#threads = threads
  }

  /** Call after each change of the requests that wait in a lane. */
  publish({ slots }: Lane): void {
    if (this.#threads.threads === 1) return
    const { thread } = this.#threads
    const known = new Map<LaneGroup, readonly (First | undefined)[]>()
    for (const slot of slots) {
      for (let priority = 0; priority < classes; priority++) {
        let first: First | undefined
        for (const group of this.#board.groupsAt(slot)) {
          let ofGroup = known.get(group)
          if (ofGroup === undefined) {
            ofGroup = this.#firstsOf(group)
            known.set(group, ofGroup)
          }
          first = before(ofGroup[priority], first)
        }
        const column = firstColumn(slot, priority)
        this.#rows.set(thread, column, first?.tag ?? 0)
        this.#rows.set(thread, column + 1, first?.orderMs ?? 0)
      }
    }
  }

  #firstsOf({ flows }: LaneGroup): (First | undefined)[] {
    const firsts: (First | undefined)[] = []
    for (const flow of flows.values()) {
      const orderMs = flow.waiting[0]?.orderMs ?? 0
      firsts[flow.priority] = before({ tag: this.#board.tagOf(flow), orderMs }, firsts[flow.priority])
    }
    return firsts
  }

  /** What another thread shows for an endpoint. */
  #shown(thread: number, slot: number, priority: number): First | undefined {
    const column = firstColumn(slot, priority)
    const orderMs = this.#rows.get(thread, column + 1)
    return orderMs === 0 ? undefined : { tag: this.#rows.get(thread, column), orderMs }
  }

  /** Whether a request of the class waits for the endpoint on any thread. */
  hasClass(slot: number, priority: number): boolean {
    if (this.#board.hasClass(slot, priority)) return true
    for (const thread of this.#others()) {
      if (this.#shown(thread, slot, priority) !== undefined) return true
    }
    return false
  }

  /** Whether any request waits for the endpoint. */
  hasAny(slot: number): boolean {
    for (let priority = 0; priority < classes; priority++) if (this.hasClass(slot, priority)) return true
    return false
  }

  /** The lowest tag that other threads show for an endpoint. */
  lowestTag(slot: number): number | undefined {
    let lowest: number | undefined
    for (const thread of this.#others()) {
      for (let priority = 0; priority < classes; priority++) {
        const tag = this.#shown(thread, slot, priority)?.tag
        if (tag !== undefined && Number.isFinite(tag) && (lowest === undefined || tag < lowest)) lowest = tag
      }
    }
    return lowest
  }

  /** Whether a class was passed over so long that it comes before the highest one. @param riseMs as for `levelOf` */
  isOverdue(slot: number, priority: number, nowMs: number, riseMs: number): boolean {
    return levelOf(priority, 0, this.#passedOverMs[slot * classes + priority] ?? 0, nowMs, riseMs) < 0
  }

  /** The levels of the classes at an endpoint now. @param riseMs as for `levelOf` */
  levels(slot: number, nowMs: number, riseMs: number): number[] {
    let highest = 0
    while (highest < classes - 1 && !this.hasClass(slot, highest)) highest++
    const levels: number[] = []
    for (let priority = 0; priority < classes; priority++) {
      const passedOverMs = this.#passedOverMs[slot * classes + priority] ?? 0
      levels.push(levelOf(priority, highest, passedOverMs, nowMs, riseMs))
    }
    return levels
  }

  /** The other thread that shows the first request for an endpoint. @param except threads that were asked */
  best(
    slot: number,
    levels: readonly number[],
    except: readonly number[],
  ): { thread: number; rank: Rank } | undefined {
    let best: { thread: number; rank: Rank } | undefined
    for (const thread of this.#others()) {
      if (except.includes(thread)) continue
      for (let priority = 0; priority < classes; priority++) {
        const level = levels[priority] ?? priority
        const shown = level === excludedLevel ? undefined : this.#shown(thread, slot, priority)
        if (shown === undefined) continue
        const rank = { level, ...shown }
        if (best === undefined || compareRanks(rank, best.rank) < 0) best = { thread, rank }
      }
    }
    return best
  }

  /** A class whose requests were passed over begins to wait, or gets a place. */
  noteTurn(slot: number, priority: number, nowMs: number): void {
    this.#passedOverMs[slot * classes + priority] = nowMs
  }

  *#others(): Generator<number> {
    const { thread, threads } = this.#threads
    for (let other = 0; other < threads; other++) if (other !== thread) yield other
  }
}

function before(one: First | undefined, other: First | undefined): First | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one.tag < other.tag || (one.tag === other.tag && one.orderMs < other.orderMs) ? one : other
}
