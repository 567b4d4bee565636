declare const payload: unique symbol

/**
 * Name of a kind of message, with the types of what is sent and what is answered. Any string is one, of
 * unknown types.
 */
export type Topic<Data = unknown, Answer = unknown> = string & {
  readonly [payload]?: (data: Data) => Answer
}

/**
 * Handles the messages of one topic.
 * @param from number of the sending thread
 * @returns the answer, for `ask` and `askControl`
 */
export type TopicHandler<Data, Answer> = (data: Data, from: number) => Answer | Promise<Answer>

/** Number of the control thread; serving threads count from 0. */
export const controlThread = -1

/** Longest time that `ask` and `askControl` wait, unless told otherwise. */
export const answerMs = 1_000

/**
 * A thread's line to the other threads of the gateway. With one thread there are no others: that one serves
 * and controls, and answers itself.
 *
 * What is sent must be plain data (it is copied between threads), and the receiver must not change it (it is
 * not copied within one). Messages from one thread to another arrive in the order in which they were sent.
 */
export interface PeerLink {
  /** This thread: 0 and up for a serving thread, `controlThread` for the control thread of several. */
  readonly thread: number
  /** How many threads serve, at least 1. */
  readonly threads: number
  /** Whether this thread probes, discovers and reads the configuration. */
  readonly isControl: boolean
  /** Tells all other threads, control included. It does not wait for them. */
  broadcast<Data>(topic: Topic<Data, unknown>, data: Data): void
  /** Tells one serving thread; nothing happens where that is this one, or has ended. */
  tell<Data>(thread: number, topic: Topic<Data, unknown>, data: Data): void
  /** Tells the control thread, which may be this one. */
  tellControl<Data>(topic: Topic<Data, unknown>, data: Data): void
  /**
   * Takes the messages of a topic, one handler for each.
   * @returns a function that ends it
   * @throws RangeError where the topic has a handler
   */
  on<Data, Answer>(topic: Topic<Data, Answer>, handler: TopicHandler<Data, Answer>): () => void
  /**
   * Asks every serving thread, this one included where it serves.
   * @param timeoutMs default `answerMs`
   * @returns the answers in the order of the threads; one that does not answer in time, or fails, is left out
   */
  ask<Data, Answer>(topic: Topic<Data, Answer>, data: Data, timeoutMs?: number): Promise<Answer[]>
  /**
   * Asks the control thread, which may be this one.
   * @param timeoutMs default `answerMs`
   * @returns undefined where it does not answer in time, or fails
   */
  askControl<Data, Answer>(
    topic: Topic<Data, Answer>,
    data: Data,
    timeoutMs?: number,
  ): Promise<Answer | undefined>
}
