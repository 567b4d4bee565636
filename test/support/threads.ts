import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Capacities } from '../../src/kernel/cells/layout.ts'
import type { TablePlace } from '../../src/kernel/cells/table-place.ts'
import { SharedBlocks } from '../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../src/runtime/cells/shared-state.ts'

/** Runs a worker file on several threads at once; each posts one result. */
export function runThreads<Result>(file: URL, threads: number, data: object): Promise<Result[]> {
  return Promise.all(
    Array.from({ length: threads }, async (_, thread) => {
      const worker = new Worker(file, { workerData: { ...data, thread, threads } })
      // A thread can end in the turn of the loop in which its message arrives.
      const [[result]] = (await Promise.all([once(worker, 'message'), once(worker, 'exit')])) as [
        [Result],
        unknown,
      ]
      return result
    }),
  )
}

/** The state as each of several threads has it; the first makes the blocks. */
export function threadStates(threads: number, capacities: Partial<Capacities> = {}): SharedState[] {
  const kept = new SharedBlocks(threads)
  return Array.from({ length: threads }, (_, thread) => {
    return new SharedState(
      capacities,
      thread === 0 ? kept : new SharedBlocks(threads, thread, new Map(), kept.find),
    )
  })
}

/** The same table as each of several threads has it. */
export function threadPlaces<Table>(
  threads: number,
  build: (place: TablePlace) => Table,
): [Table, Table, ...Table[]] {
  const blocks = new SharedBlocks(threads)
  const first = build(blocks.place('table'))
  const [second, ...others] = Array.from({ length: threads - 1 }, (_, other) =>
    build(new SharedBlocks(threads, other + 1, blocks.description).place('table')),
  )
  if (second === undefined) throw new RangeError('one thread is not several')
  return [first, second, ...others]
}
