import type { DrainResult } from '../lifecycle/drain.ts'
import type { Topic } from '../links/peer-link.ts'

/** Where a serving thread is to listen. */
export interface ListenAddress {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
}

/** What came of it. */
export type ListenResult =
  | { readonly ok: true; readonly address: string; readonly port: number }
  | { readonly ok: false; readonly reason: string }

/** Build everything and listen. */
export const listenTopic: Topic<ListenAddress, ListenResult> = 'thread.listen'
/** Drain, close, end. */
export const drainTopic: Topic<undefined, DrainResult> = 'thread.drain'
/** Finished log lines, for the owner of the log's files. */
export const logTopic: Topic<string> = 'log.lines'
