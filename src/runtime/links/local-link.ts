import type { PeerLink, Topic, TopicHandler } from './peer-link.ts'
import { type HandlerFailure, TopicHandlers } from './topic-handlers.ts'

/** The link of a gateway with one thread: it handles its own requests and has no other thread to notify. */
export class LocalLink implements PeerLink {
  readonly thread = 0
  readonly threads = 1
  readonly isControl = true
  readonly #handlers: TopicHandlers

  constructor(onFailure: HandlerFailure) {
    this.#handlers = new TopicHandlers(onFailure)
  }

  broadcast<Data>(_topic: Topic<Data, unknown>, _data: Data): void {}

  send<Data>(_thread: number, _topic: Topic<Data, unknown>, _data: Data): void {}

  sendToControl<Data>(topic: Topic<Data, unknown>, data: Data): void {
    this.#handlers.notify(topic, data, this.thread)
  }

  on<Data, Answer>(topic: Topic<Data, Answer>, handler: TopicHandler<Data, Answer>): () => void {
    return this.#handlers.add(topic, handler)
  }

  async requestAll<Data, Answer>(topic: Topic<Data, Answer>, data: Data): Promise<Answer[]> {
    const answer = await this.#handlers.call(topic, data, this.thread)
    return answer === undefined ? [] : [answer.value as Answer]
  }

  requestControl<Data, Answer>(topic: Topic<Data, Answer>, data: Data): Promise<Answer | undefined> {
    return this.#handlers.ask(topic, data, this.thread) as Promise<Answer | undefined>
  }
}
