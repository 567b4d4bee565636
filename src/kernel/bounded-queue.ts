import fastq from 'fastq'

/** A task that found the queue full. */
export class QueueFullError extends Error {
  override readonly name = 'QueueFullError'
}

/**
 * Runs tasks a few at a time; what does not fit into the waiting line is refused and counted, so that work
 * that are not waited for cannot pile up.
 */
export class BoundedQueue {
  readonly #capacity: number
  readonly #queue: fastq.queueAsPromised<() => Promise<unknown>>
  #dropped = 0

  /**
   * @param options.concurrency tasks at a time
   * @param options.capacity tasks that may wait
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

  /** Tasks that were refused. */
  get dropped(): number {
    return this.#dropped
  }

  /** @throws QueueFullError, as a rejection, where the line is full */
  push<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#queue.length() >= this.#capacity) {
      this.#dropped++
      return Promise.reject(new QueueFullError('the queue is full'))
    }
    return this.#queue.push(task) as Promise<Result>
  }

  /** Forgets what waits; what runs goes on. */
  clear(): void {
    this.#queue.kill()
  }
}
