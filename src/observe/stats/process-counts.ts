import type { ProcessCells } from '../../runtime/process/process-cells.ts'

/** Counts events of the process since startup. */
export interface ProcessCounts {
  /** Log lines that no output accepted. */
  readonly lostLogLines: number
  /** Serving threads that ended before the stop. */
  readonly endedThreads: number
  /** Requests that those threads had in flight. */
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
