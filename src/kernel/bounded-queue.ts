import fastq from 'fastq'

/** A task that found the queue full. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
}

/**
 * Runs tasks with limited concurrency. A task that finds the queue full is refused and counted, so work that no
 * caller awaits cannot pile up.
 */
export class BoundedQueue {
  readonly #capacity: number
  readonly #queue: fastq.queueAsPromised<() => Promise<unknown>>
  #dropped = 0

  /**
   * @param options.concurrency tasks that run at the same time
   * @param options.capacity tasks that may be queued
   */
  constructor(options: { concurrency: number; capacity: number }) {
    this.#capacity = options.capacity
    this.#queue = fastq.promise((task: () => Promise<unknown>) => task(), options.concurrency)
  }

  get waiting(): number {
    return this.#queue.length()
  }

  get running(): number {
    return this.#queue.running()
  }

  /** Number of refused tasks. */
  get dropped(): number {
    return this.#dropped
  }

  /** Rejects with `QueueFullError` when the queue is full. */
  push<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#queue.length() >= this.#capacity) {
      this.#dropped++
      return Promise.reject(new QueueFullError('the queue is full'))
    }
    return this.#queue.push(task) as Promise<Result>
  }

  /** Drops queued tasks; running tasks continue. */
  clear(): void {
    this.#queue.kill()
  }
}
