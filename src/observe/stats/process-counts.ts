import type { ProcessCells } from '../../runtime/process/process-cells.ts'

/** What happened to the process since its start. */
export interface ProcessCounts {
  /** Log lines that no output took. */
  readonly lostLogLines: number
  /** Serving threads that ended before the stop. */
  readonly endedThreads: number
  /** Requests that those had under way. */
  readonly cutRequests: number
}

export function readProcessCounts({ counts }: ProcessCells): ProcessCounts {
  const count = (name: keyof ProcessCounts) => counts.sum(0, counts.column(name))
  return {
    lostLogLines: count('lostLogLines'),
    endedThreads: count('endedThreads'),
    cutRequests: count('cutRequests'),
  }
}
