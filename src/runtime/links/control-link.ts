import type { Clock } from '../../kernel/clock.ts'
import { allThreads, type LinkMessage, type LinkPort, type ThreadAnswer } from './messages.ts'
import { answerTimeoutMs, controlThread, type PeerLink, type Topic, type TopicHandler } from './peer-link.ts'
import { PendingRequests } from './pending-requests.ts'
import { type HandlerFailure, TopicHandlers } from './topic-handlers.ts'

/** The control thread's link: one line to each serving thread. It also forwards messages between serving threads. */
export class ControlLink implements PeerLink {
  readonly thread = controlThread
  readonly threads: number
  readonly isControl = true
  readonly #ports = new Map<number, LinkPort>()
  readonly #handlers: TopicHandlers
  readonly #pending: PendingRequests

  constructor(services: { threads: number; clock: Clock; onFailure: HandlerFailure }) {
    this.threads = services.threads
    this.#handlers = new TopicHandlers(services.onFailure)
    this.#pending = new PendingRequests(services.clock)
  }

  /** A serving thread has started; its messages must go to `receive`. */
  connect(thread: number, port: LinkPort): void {
    this.#ports.set(thread, port)
  }

  /** A serving thread has ended: pending requests to it end. */
  disconnect(thread: number): void {
    const port = this.#ports.get(thread)
    this.#ports.delete(thread)
    if (port !== undefined) this.#pending.closeAll(port)
  }

  receive(message: LinkMessage): void {
    switch (message.kind) {
      case 'message':
        if (message.to === allThreads) this.#post(message, message.from)
        else if (message.to !== this.thread) {
          this.#ports.get(message.to)?.postMessage(message)
          break
        }
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
    this.#post({ kind: 'message', topic, data, from: this.thread, to: allThreads }, this.thread)
  }

  send<Data>(thread: number, topic: Topic<Data, unknown>, data: Data): void {
    this.#ports.get(thread)?.postMessage({ kind: 'message', topic, data, from: this.thread, to: thread })
  }

  sendToControl<Data>(topic: Topic<Data, unknown>, data: Data): void {
    void this.#handlers.call(topic, data, this.thread)
  }

  on<Data, Answer>(topic: Topic<Data, Answer>, handler: TopicHandler<Data, Answer>): () => void {
    return this.#handlers.add(topic, handler)
  }

  async requestAll<Data, Answer>(
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs: number = answerTimeoutMs,
  ): Promise<Answer[]> {
    const answers = await this.#gather(topic, data, this.thread, timeoutMs)
    return answers.map(({ value }) => value as Answer)
  }

  /** Sends a request to one serving thread. @returns undefined if it fails, has ended or does not answer in time */
  async requestThread<Data, Answer>(
    thread: number,
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs: number = answerTimeoutMs,
  ): Promise<Answer | undefined> {
    const port = this.#ports.get(thread)
    if (port === undefined) return undefined
    const request = { topic, data, from: this.thread, to: thread }
    const [answer] = await this.#pending.send(port, request, timeoutMs)
    return answer?.value as Answer | undefined
  }

  async requestControl<Data, Answer>(topic: Topic<Data, Answer>, data: Data): Promise<Answer | undefined> {
    const answer = await this.#handlers.call(topic, data, this.thread)
    return answer?.value as Answer | undefined
  }

  /** Posts to all serving threads except one. */
  #post(message: LinkMessage, except: number): void {
    for (const [thread, port] of this.#ports) if (thread !== except) port.postMessage(message)
  }

  /** Sends a request to all serving threads except the one that started it. */
  async #gather(topic: string, data: unknown, from: number, timeoutMs: number): Promise<ThreadAnswer[]> {
    const peers = [...this.#ports].filter(([thread]) => thread !== from)
    const answers = await Promise.all(
      peers.map(([thread, port]) => this.#pending.send(port, { topic, data, from, to: thread }, timeoutMs)),
    )
    return answers.flat().toSorted((a, b) => a.thread - b.thread)
  }

  async #answer({ id, topic, data, from, to, timeoutMs }: LinkMessage & { kind: 'request' }): Promise<void> {
    let answers: readonly ThreadAnswer[]
    if (to === allThreads) {
      answers = await this.#gather(topic, data, from, timeoutMs)
    } else {
      const own = await this.#handlers.call(topic, data, from)
      answers = own === undefined ? [] : [{ thread: this.thread, value: own.value }]
    }
    this.#ports.get(from)?.postMessage({ kind: 'answer', id, answers })
  }
}
