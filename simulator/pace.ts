import type { Writable } from 'node:stream'
import { type Clock, systemClock, type Timer } from '../src/kernel/clock.ts'

/** A part of an answer. Tokens are paced; the framing around them takes no time. */
export interface Frame {
  readonly data: string | Buffer
  readonly isToken: boolean
}

export interface Pace {
  readonly timeToFirstTokenMs: number
  /** 0 means as fast as the client reads. */
  readonly tokensPerSecond: number
}

export function tokenIntervalMs({ tokensPerSecond }: Pace): number {
  return tokensPerSecond > 0 ? 1000 / tokensPerSecond : 0
}

/** When tokens are due. */
export interface Schedule {
  /** Time between two tokens; 0 means as fast as the client reads. */
  readonly intervalMs: number
  /** Whether overdue tokens are sent together after a late timer; else every two tokens are an interval apart. */
  readonly catchesUp: boolean
}

/**
 * Writes frames into a response with one timer. Writing pauses while the client does not keep up, until the socket has
 * drained.
 *
 * @param finish called once after the last frame, not if the response closes before
 */
export function sendFrames(
  response: Writable,
  frames: Iterator<Frame>,
  { intervalMs, catchesUp }: Schedule,
  finish: () => void,
  clock: Clock = systemClock,
): void {
  let dueMs = clock.monotonicMs()
  let next = frames.next()
  let timer: Timer | undefined
  response.once('close', () => {
    timer?.cancel()
    frames.return?.()
  })
  send()

  function send(): void {
    if (response.destroyed) return
    const isFree = writeDue()
    if (next.done === true) finish()
    else if (!isFree) response.once('drain', send)
    else timer = clock.after(Math.ceil(dueMs - clock.monotonicMs()), send)
  }

  /** @returns false if the client has to catch up first */
  function writeDue(): boolean {
    while (next.done !== true) {
      if (next.value.isToken && intervalMs > 0) {
        const nowMs = clock.monotonicMs()
        if (dueMs > nowMs) return true
        dueMs = (catchesUp ? dueMs : nowMs) + intervalMs
      }
      // Not corked: Node gathers the writes of one turn itself, and a corked response that was full never drains.
      const isFree = response.write(next.value.data)
      next = frames.next()
      if (!isFree) return next.done === true
    }
    return true
  }
}
