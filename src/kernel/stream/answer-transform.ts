/** Changes the bytes of an answer as they pass; holds back no more than what a chunk has cut in two. */
export interface AnswerTransform {
  /** @returns what goes on now; may be empty */
  push(chunk: Buffer): Buffer
  /** What is still held back, at the end of the answer. */
  end(): Buffer
  /** Whether the answer turned out to be none, and the client has been told so in it. */
  readonly hasFailed?: boolean
  /** Bytes of the answer that it keeps to its end; undefined where it passes them on. */
  readonly heldBytes?: number
}

/** Reads the bytes of an answer as they come from the endpoint, before any transform; changes nothing. */
export interface AnswerObserver {
  push(chunk: Buffer): void
}
