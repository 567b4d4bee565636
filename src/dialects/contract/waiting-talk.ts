/** A readable line about a request that waits. */
export interface WaitingLineText {
  readonly text: string
  /** ID of the request. */
  readonly id: string
  /** As the client names it. */
  readonly model: string
  readonly nowMs: number
}

/** What a stream may contain before its answer while the request waits for a place. */
export interface WaitingTalk {
  readonly format: 'sse' | 'ndjson'
  /** Flat name/value pairs. */
  readonly headers: readonly string[]
  /** An event that clients ignore; '' if there is none, so that only the headers are sent. */
  note(text: string): string
  /** A readable line in the reasoning of the answer; undefined for paths whose answers have no place for it. */
  reasoning?(path: string, line: WaitingLineText): string | undefined
}
