/** Transforms the bytes of an answer as they pass; holds back only what a chunk boundary splits. */
export interface AnswerTransform {
  /** @returns the bytes to forward now; may be empty */
  push(chunk: Buffer): Buffer
  /** @returns the bytes still held back when the answer ends */
  end(): Buffer
  /** Whether the answer turned out to be an error that the transform has reported to the client. */
  readonly hasFailed?: boolean
  /** Bytes kept until the end of the answer; undefined if the transform forwards them as they come. */
  readonly heldBytes?: number
}

/** Reads the bytes of an answer as the endpoint sends them, before any transform. */
export interface AnswerObserver {
  push(chunk: Buffer): void
}
