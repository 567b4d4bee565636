import type { DrainResult } from '../lifecycle/drain.ts'
import type { Topic } from '../links/peer-link.ts'

/** The address on which a serving thread listens. */
export interface ListenAddress {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
}

/** Result of listening. */
export type ListenResult =
  | { readonly ok: true; readonly address: string; readonly port: number }
  | { readonly ok: false; readonly reason: string }

/** Build everything and listen. */
export const listenTopic: Topic<ListenAddress, ListenResult> = 'thread.listen'
/** Drain, close, end. */
export const drainTopic: Topic<undefined, DrainResult> = 'thread.drain'
/** Finished log lines, for the thread that owns the log files. */
export const logTopic: Topic<string> = 'log.lines'
