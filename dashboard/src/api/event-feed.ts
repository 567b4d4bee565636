import { ApiError } from './api-error.ts'
import { readFeedMessage } from './feed-message.ts'
import { readEvents } from './sse.ts'
import type { FeedMessage } from './types.ts'

export type FeedState = 'connecting' | 'live' | 'lost' | 'signed_out' | 'refused'

export interface FeedOptions {
  /**
   * Requests the event stream.
   * @param lastEventId the last received event; empty on a first connection
   */
  connect(lastEventId: string, signal: AbortSignal): Promise<Response>
  receive(message: FeedMessage): void
  changeState(state: FeedState): void
}

export interface EventFeed {
  /** Connects now if it is not connected. */
  open(): void
  /** Disconnects; `open` resumes. */
  close(): void
}

/** Longer than the gateway's 15 s between two comments: a silent connection is dead. */
const silenceMs = 40_000
const firstPauseMs = 500
const longestPauseMs = 15_000

/**
 * The gateway's event stream, kept open: after a break it reconnects with growing delays and resumes after the last
 * event. Not an `EventSource`, which hides why the server refused it.
 */
export function createEventFeed({ connect, receive, changeState }: FeedOptions): EventFeed {
  let connection: AbortController | undefined
  let retry: ReturnType<typeof setTimeout> | undefined
  let lastEventId = ''
  let pauseMs = firstPauseMs

  return { open, close }

  function open(): void {
    if (connection !== undefined) return
    clearTimeout(retry)
    connection = new AbortController()
    void follow(connection)
  }

  function close(): void {
    clearTimeout(retry)
    connection?.abort()
    connection = undefined
  }

  async function follow(own: AbortController): Promise<void> {
    changeState('connecting')
    let next: FeedState = 'lost'
    try {
      const { body } = await connect(lastEventId, own.signal)
      if (body !== null) await read(body, own)
    } catch (error) {
      if (error instanceof ApiError) {
        if (error.trouble === 'signed_out') next = 'signed_out'
        if (error.trouble === 'refused') next = 'refused'
      }
    }
    // Closed meanwhile, or another connection has taken over.
    if (connection !== own) return
    connection = undefined
    changeState(next)
    if (next === 'signed_out' || next === 'refused') return
    // Jitter, so that not all pages reconnect at once to a restarted gateway.
    retry = setTimeout(open, pauseMs * (0.75 + Math.random() / 2))
    pauseMs = Math.min(longestPauseMs, pauseMs * 2)
  }

  async function read(body: ReadableStream<Uint8Array>, own: AbortController): Promise<void> {
    let watchdog = setTimeout(giveUp, silenceMs)
    try {
      for await (const message of readEvents(body, heard)) {
        if (connection !== own) return
        if (message.id !== '') lastEventId = message.id
        const known = readFeedMessage(message)
        if (known === undefined) continue
        if (known.kind === 'hello') {
          pauseMs = firstPauseMs
          changeState('live')
        }
        receive(known)
      }
    } finally {
      clearTimeout(watchdog)
    }

    function heard(): void {
      clearTimeout(watchdog)
      watchdog = setTimeout(giveUp, silenceMs)
    }

    function giveUp(): void {
      own.abort()
    }
  }
}
