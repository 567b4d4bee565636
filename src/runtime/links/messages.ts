/** One end of a line between two threads: a `MessagePort` or a `Worker`. */
export interface LinkPort {
  postMessage(message: LinkMessage): void
}

/** Stands for all serving threads, and control where it is not the sender. */
export const everyone = -2

/** What goes over a line; `to` is the number of a thread, `controlThread` or `everyone`. */
export type LinkMessage =
  | {
      readonly kind: 'tell'
      readonly topic: string
      readonly data: unknown
      readonly from: number
      readonly to: number
    }
  | {
      readonly kind: 'ask'
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
      /** Of the threads that had one; at most one unless everyone was asked. */
      readonly answers: readonly ThreadAnswer[]
    }

export interface ThreadAnswer {
  readonly thread: number
  readonly value: unknown
}
