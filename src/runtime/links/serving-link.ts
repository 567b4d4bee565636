import type { Clock } from '../../kernel/clock.ts'
import { allThreads, type LinkMessage, type LinkPort } from './messages.ts'
import { answerTimeoutMs, controlThread, type PeerLink, type Topic, type TopicHandler } from './peer-link.ts'
import { PendingRequests } from './pending-requests.ts'
import { type HandlerFailure, TopicHandlers } from './topic-handlers.ts'

const gatherGraceMs = 500

/** The link of a serving thread: one line to the control thread, which forwards messages for other threads. */
export class ServingLink implements PeerLink {
  readonly thread: number
  readonly threads: number
  readonly isControl = false
  readonly #port: LinkPort
  readonly #handlers: TopicHandlers
  readonly #pending: PendingRequests

  /** @param port to the control thread; its messages must go to `receive` */
  constructor(
    port: LinkPort,
    services: { thread: number; threads: number; clock: Clock; onFailure: HandlerFailure },
  ) {
    this.thread = services.thread
    this.threads = services.threads
    this.#port = port
    this.#handlers = new TopicHandlers(services.onFailure)
    this.#pending = new PendingRequests(services.clock)
  }

  receive(message: LinkMessage): void {
    switch (message.kind) {
      case 'message':
        void this.#handlers.call(message.topic, message.data, message.from)
        break
      case 'request':
        void this.#answer(message)
        break
      case 'answer':
        this.#pending.close(message.id, message.answers)
        break
    }
  }

  broadcast<Data>(topic: Topic<Data, unknown>, data: Data): void {
    this.#send(topic, data, allThreads)
  }

  send<Data>(thread: number, topic: Topic<Data, unknown>, data: Data): void {
    if (thread !== this.thread) this.#send(topic, data, thread)
  }

  sendToControl<Data>(topic: Topic<Data, unknown>, data: Data): void {
    this.#send(topic, data, controlThread)
  }

  on<Data, Answer>(topic: Topic<Data, Answer>, handler: TopicHandler<Data, Answer>): () => void {
    return this.#handlers.add(topic, handler)
  }

  async requestAll<Data, Answer>(
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs: number = answerTimeoutMs,
  ): Promise<Answer[]> {
    const [own, others] = await Promise.all([
      this.#handlers.call(topic, data, this.thread),
      this.#request(topic, data, allThreads, timeoutMs),
    ])
    const answers = own === undefined ? others : [...others, { thread: this.thread, value: own.value }]
    return answers.toSorted((a, b) => a.thread - b.thread).map(({ value }) => value as Answer)
  }

  async requestControl<Data, Answer>(
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs: number = answerTimeoutMs,
  ): Promise<Answer | undefined> {
    const [answer] = await this.#request(topic, data, controlThread, timeoutMs)
    return answer?.value as Answer | undefined
  }

  #send(topic: string, data: unknown, to: number): void {
    this.#port.postMessage({ kind: 'message', topic, data, from: this.thread, to })
  }

  #request(topic: string, data: unknown, to: number, timeoutMs: number) {
    const request = { topic, data, from: this.thread, to }
    // The control thread waits for the others and sends the answers it has by the time limit: allow time for those.
    return this.#pending.send(this.#port, request, timeoutMs, to === allThreads ? gatherGraceMs : 0)
  }

  async #answer({ id, topic, data, from }: LinkMessage & { kind: 'request' }): Promise<void> {
    const answer = await this.#handlers.call(topic, data, from)
    const answers = answer === undefined ? [] : [{ thread: this.thread, value: answer.value }]
    this.#port.postMessage({ kind: 'answer', id, answers })
  }
}
