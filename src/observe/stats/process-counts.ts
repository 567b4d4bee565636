import type { GatewayCells } from '../../runtime/cells/cells.ts'

/** What happened to the process since its start. */
export interface ProcessCounts {
  /** Log lines that no output took. */
  readonly lostLogLines: number
  /** Serving threads that ended before the stop. */
  readonly endedThreads: number
  /** Requests that those had under way. */
  readonly cutRequests: number
}

export function readProcessCounts({ process }: GatewayCells): ProcessCounts {
  const count = (name: keyof ProcessCounts) => process.sum(0, process.column(name))
  return {
    lostLogLines: count('lostLogLines'),
    endedThreads: count('endedThreads'),
    cutRequests: count('cutRequests'),
  }
}
