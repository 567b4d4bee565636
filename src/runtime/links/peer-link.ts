declare const payload: unique symbol

/** Name of a message type, with the types of its data and its answer. Any string is a topic of unknown types. */
export type Topic<Data = unknown, Answer = unknown> = string & {
  readonly [payload]?: (data: Data) => Answer
}

/**
 * Handles the messages of one topic.
 * @param from number of the sending thread
 * @returns the answer, for `requestAll` and `requestControl`
 */
export type TopicHandler<Data, Answer> = (data: Data, from: number) => Answer | Promise<Answer>

/** Number of the control thread; serving threads count from 0. */
export const controlThread = -1

/** Default timeout of `requestAll` and `requestControl`. */
export const answerTimeoutMs = 1_000

/**
 * A thread's line to the other threads of the gateway. With one thread there are no others: it serves and controls, and
 * answers itself.
 *
 * Data must be plain (it is copied between threads), and the receiver must not change it (it is not copied within one).
 * Messages from one thread to another arrive in the order in which they were sent.
 */
export interface PeerLink {
  /** This thread: 0 and up for a serving thread, `controlThread` for the control thread of several. */
  readonly thread: number
  /** Number of serving threads, at least 1. */
  readonly threads: number
  /** Whether this thread probes, discovers and reads the configuration. */
  readonly isControl: boolean
  /** Sends to all other threads, including control, without waiting for them. */
  broadcast<Data>(topic: Topic<Data, unknown>, data: Data): void
  /** Sends to one serving thread; does nothing if that is this one, or has ended. */
  send<Data>(thread: number, topic: Topic<Data, unknown>, data: Data): void
  /** Sends to the control thread, which may be this one. */
  sendToControl<Data>(topic: Topic<Data, unknown>, data: Data): void
  /**
   * Registers the handler of a topic, one per topic.
   * @returns a function that removes it
   * @throws RangeError if the topic already has a handler
   */
  on<Data, Answer>(topic: Topic<Data, Answer>, handler: TopicHandler<Data, Answer>): () => void
  /**
   * Sends a request to every serving thread, including this one if it serves.
   * @param timeoutMs default `answerTimeoutMs`
   * @returns the answers in the order of the threads, without threads that fail or do not answer in time
   */
  requestAll<Data, Answer>(topic: Topic<Data, Answer>, data: Data, timeoutMs?: number): Promise<Answer[]>
  /**
   * Sends a request to the control thread, which may be this one.
   * @param timeoutMs default `answerTimeoutMs`
   * @returns undefined if it fails or does not answer in time
   */
  requestControl<Data, Answer>(
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs?: number,
  ): Promise<Answer | undefined>
}
