import type { Clock } from '../../kernel/clock.ts'
import { everyone, type LinkMessage, type LinkPort, type ThreadAnswer } from './messages.ts'
import { OpenQuestions } from './open-questions.ts'
import { answerMs, controlThread, type PeerLink, type Topic, type TopicHandler } from './peer-link.ts'
import { type HandlerFailure, TopicHandlers } from './topic-handlers.ts'

/** The control thread's link: a line to each serving thread, over which it also passes on what is for others. */
export class ControlLink implements PeerLink {
  readonly thread = controlThread
  readonly threads: number
  readonly isControl = true
  readonly #ports = new Map<number, LinkPort>()
  readonly #handlers: TopicHandlers
  readonly #questions: OpenQuestions

  constructor(services: { threads: number; clock: Clock; onFailure: HandlerFailure }) {
    this.threads = services.threads
    this.#handlers = new TopicHandlers(services.onFailure)
    this.#questions = new OpenQuestions(services.clock)
  }

  /** A serving thread has begun; what it says must come to `receive`. */
  connect(thread: number, port: LinkPort): void {
    this.#ports.set(thread, port)
  }

  /** A serving thread has ended: nothing waits for it any more. */
  disconnect(thread: number): void {
    const port = this.#ports.get(thread)
    this.#ports.delete(thread)
    if (port !== undefined) this.#questions.closeAll(port)
  }

  receive(message: LinkMessage): void {
    switch (message.kind) {
      case 'tell':
        if (message.to === everyone) this.#post(message, message.from)
        else if (message.to !== this.thread) {
          this.#ports.get(message.to)?.postMessage(message)
          break
        }
        void this.#handlers.call(message.topic, message.data, message.from)
        break
      case 'ask':
        void this.#answer(message)
        break
      case 'answer':
        this.#questions.close(message.id, message.answers)
        break
    }
  }

  broadcast<Data>(topic: Topic<Data, unknown>, data: Data): void {
    this.#post({ kind: 'tell', topic, data, from: this.thread, to: everyone }, this.thread)
  }

  tell<Data>(thread: number, topic: Topic<Data, unknown>, data: Data): void {
    this.#ports.get(thread)?.postMessage({ kind: 'tell', topic, data, from: this.thread, to: thread })
  }

  tellControl<Data>(topic: Topic<Data, unknown>, data: Data): void {
    void this.#handlers.call(topic, data, this.thread)
  }

  on<Data, Answer>(topic: Topic<Data, Answer>, handler: TopicHandler<Data, Answer>): () => void {
    return this.#handlers.add(topic, handler)
  }

  async ask<Data, Answer>(
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs: number = answerMs,
  ): Promise<Answer[]> {
    const answers = await this.#gather(topic, data, this.thread, timeoutMs)
    return answers.map(({ value }) => value as Answer)
  }

  /** Asks one serving thread. @returns undefined where it does not answer in time, fails or has ended */
  async askThread<Data, Answer>(
    thread: number,
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs: number = answerMs,
  ): Promise<Answer | undefined> {
    const port = this.#ports.get(thread)
    if (port === undefined) return undefined
    const question = { topic, data, from: this.thread, to: thread }
    const [answer] = await this.#questions.ask(port, question, timeoutMs)
    return answer?.value as Answer | undefined
  }

  async askControl<Data, Answer>(topic: Topic<Data, Answer>, data: Data): Promise<Answer | undefined> {
    const answer = await this.#handlers.call(topic, data, this.thread)
    return answer?.value as Answer | undefined
  }

  /** To all serving threads but one. */
  #post(message: LinkMessage, except: number): void {
    for (const [thread, port] of this.#ports) if (thread !== except) port.postMessage(message)
  }

  /** Asks all serving threads but the one that wants to know. */
  async #gather(topic: string, data: unknown, from: number, timeoutMs: number): Promise<ThreadAnswer[]> {
    const asked = [...this.#ports].filter(([thread]) => thread !== from)
    const answers = await Promise.all(
      asked.map(([thread, port]) => this.#questions.ask(port, { topic, data, from, to: thread }, timeoutMs)),
    )
    return answers.flat().toSorted((a, b) => a.thread - b.thread)
  }

  async #answer({ id, topic, data, from, to, timeoutMs }: LinkMessage & { kind: 'ask' }): Promise<void> {
    let answers: readonly ThreadAnswer[]
    if (to === everyone) {
      answers = await this.#gather(topic, data, from, timeoutMs)
    } else {
      const own = await this.#handlers.call(topic, data, from)
      answers = own === undefined ? [] : [{ thread: this.thread, value: own.value }]
    }
    this.#ports.get(from)?.postMessage({ kind: 'answer', id, answers })
  }
}
