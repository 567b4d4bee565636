import type { ServerResponse } from 'node:http'

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

/**
 * Writes frames into a response with one timer: token n is due n intervals after the first, so that late timers
 * do not add up. A reader who does not keep up stops it until the socket has drained.
 *
 * @param finish called once behind the last frame, not if the response closes before
 */
export function sendFrames(
  response: ServerResponse,
  frames: Iterator<Frame>,
  intervalMs: number,
  finish: () => void,
): void {
  const startedMs = performance.now()
  let tokens = 0
  let next = frames.next()
  let timer: NodeJS.Timeout | undefined
  response.once('close', () => {
    clearTimeout(timer)
    frames.return?.()
  })
  send()

  function send(): void {
    if (response.destroyed) return
    // Everything that is due goes into one write of the socket.
    response.cork()
    const isFree = writeDue()
    response.uncork()
    if (next.done === true) finish()
    else if (!isFree) response.once('drain', send)
    else timer = setTimeout(send, Math.ceil(dueMs() - performance.now()))
  }

  /** @returns false where the reader has to catch up first */
  function writeDue(): boolean {
    while (next.done !== true) {
      if (next.value.isToken) {
        if (intervalMs > 0 && dueMs() > performance.now()) return true
        tokens++
      }
      const isFree = response.write(next.value.data)
      next = frames.next()
      if (!isFree) return next.done === true
    }
    return true
  }

  function dueMs(): number {
    return startedMs + tokens * intervalMs
  }
}
