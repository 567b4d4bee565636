import type { Topic, TopicHandler } from './peer-link.ts'

/** Reports a handler that failed: the sender never sees the error. */
export type HandlerFailure = (error: unknown, topic: string) => void

const nothing = Promise.resolve(undefined)

/** The handlers of one thread, one per topic. */
export class TopicHandlers {
  // Senders and handlers know the types behind a topic; this map does not.
  readonly #handlers = new Map<string, TopicHandler<never, unknown>>()
  readonly #onFailure: HandlerFailure

  constructor(onFailure: HandlerFailure) {
    this.#onFailure = onFailure
  }

  /** @throws RangeError if the topic already has a handler */
  add<Data, Answer>(topic: Topic<Data, Answer>, handler: TopicHandler<Data, Answer>): () => void {
    if (this.#handlers.has(topic)) throw new RangeError(`the topic ${topic} already has a handler`)
    this.#handlers.set(topic, handler)
    return () => {
      if (this.#handlers.get(topic) === handler) this.#handlers.delete(topic)
    }
  }

  /**
   * Calls a handler of this thread that only its own thread asks: a promise of the handler is passed on.
   * @returns the answer; undefined if the topic has no handler or the handler fails
   */
  ask(topic: string, data: unknown, from: number): Promise<unknown> {
    const handler = this.#handlers.get(topic)
    if (handler === undefined) return nothing
    try {
      const answer = handler(data as never, from)
      if (!(answer instanceof Promise)) return Promise.resolve(answer)
      return answer.catch((error: unknown) => this.#onFailure(error, topic))
    } catch (error) {
      this.#onFailure(error, topic)
      return nothing
    }
  }

  /** Calls a handler whose answer is not wanted. */
  notify(topic: string, data: unknown, from: number): void {
    const handler = this.#handlers.get(topic)
    if (handler === undefined) return
    try {
      const answer = handler(data as never, from)
      if (answer instanceof Promise) answer.catch((error: unknown) => this.#onFailure(error, topic))
    } catch (error) {
      this.#onFailure(error, topic)
    }
  }

  /** @returns the answer; undefined if the topic has no handler or the handler fails */
  async call(topic: string, data: unknown, from: number): Promise<{ readonly value: unknown } | undefined> {
    const handler = this.#handlers.get(topic)
    if (handler === undefined) return undefined
    try {
      return { value: await handler(data as never, from) }
    } catch (error) {
      this.#onFailure(error, topic)
      return undefined
    }
  }
}
