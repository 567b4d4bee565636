/** Counts function calls exactly, so that the cost of a decision does not depend on the load of the machine. */
import { Session } from 'node:inspector/promises'

export interface Calls {
  readonly total: number
  /** Decisions that were not cached: the router forgets them when a status changes. */
  readonly decided: number
}

/**
 * @param rooms parts of paths whose functions count
 * @returns calls during `work`
 */
export async function countCalls(rooms: readonly string[], work: () => Promise<unknown>): Promise<Calls> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    await session.post('Profiler.takePreciseCoverage')
    await work()
    const { result } = await session.post('Profiler.takePreciseCoverage')
    let total = 0
    let decided = 0
    for (const { url, functions } of result) {
      if (!rooms.some((room) => url.includes(room))) continue
      for (const { ranges, functionName } of functions) {
        if (functionName === '') continue
        const count = ranges[0]?.count ?? 0
        total += count
        if (functionName === '#decide') decided += count
      }
    }
    await session.post('Profiler.stopPreciseCoverage')
    return { total, decided }
  } finally {
    session.disconnect()
  }
}

/** What requests cost: each, and in addition each decision that is not cached. */
export interface DecisionCost {
  readonly perRequest: number
  readonly perDecision: number
}

/** The cost by rounds of `requests` each. Some of them decided anew. */
export function costOf(rounds: readonly Calls[], requests: number): DecisionCost {
  const cached = rounds.filter(({ decided }) => decided === 0).map(({ total }) => total)
  const least = Math.min(...cached)
  const perDecision = rounds
    .filter(({ decided }) => decided > 0)
    .map(({ total, decided }) => (total - least) / decided)
  return { perRequest: Math.max(...cached) / requests, perDecision: Math.max(...perDecision) }
}
