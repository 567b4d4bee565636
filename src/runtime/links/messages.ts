/** One end of a line between two threads: a `MessagePort` or a `Worker`. */
export interface LinkPort {
  postMessage(message: LinkMessage): void
}

/** Addresses all serving threads, and the control thread unless it is the sender. */
export const allThreads = -2

/** A message over a line; `to` is the number of a thread, `controlThread` or `allThreads`. */
export type LinkMessage =
  | {
      readonly kind: 'message'
      readonly topic: string
      readonly data: unknown
      readonly from: number
      readonly to: number
    }
  | {
      readonly kind: 'request'
      readonly id: number
      readonly topic: string
      readonly data: unknown
      readonly from: number
      readonly to: number
      readonly timeoutMs: number
    }
  | {
      readonly kind: 'answer'
      readonly id: number
      /** From the threads that answered; at most one unless the request went to all. */
      readonly answers: readonly ThreadAnswer[]
    }

export interface ThreadAnswer {
  readonly thread: number
  readonly value: unknown
}
