import type { Writable } from 'node:stream'
import { type Clock, systemClock, type Timer } from '../src/kernel/clock.ts'

/** A part of an answer. Tokens come at the pace of the server; what stands around them costs no time. */
export interface Frame {
  readonly data: string | Buffer
  readonly isToken: boolean
}

export interface Pace {
  readonly timeToFirstTokenMs: number
  /** 0 is as fast as the reader takes. */
  readonly tokensPerSecond: number
}

export function tokenIntervalMs({ tokensPerSecond }: Pace): number {
  return tokensPerSecond > 0 ? 1000 / tokensPerSecond : 0
}

/** When tokens are due. */
export interface Schedule {
  /** Between two tokens; 0 is as fast as the reader takes. */
  readonly intervalMs: number
  /** Whether tokens come at once that a late timer has held up; else the pause holds between any two. */
  readonly catchesUp: boolean
}

/**
 * Writes frames into a response with one timer. A reader who does not keep up stops it until the socket has
 * drained.
 *
 * @param finish called once behind the last frame, not if the response closes before
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

  /** @returns false where the reader has to catch up first */
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
