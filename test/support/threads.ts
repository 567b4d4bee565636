import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** Runs a worker file on several threads at once; each posts one result. */
export function runThreads<Result>(file: URL, threads: number, data: object): Promise<Result[]> {
  return Promise.all(
    Array.from({ length: threads }, async (_, thread) => {
      const worker = new Worker(file, { workerData: { ...data, thread, threads } })
      const exited = once(worker, 'exit')
      const [result] = (await once(worker, 'message')) as [Result]
      await exited
      return result
    }),
  )
}
