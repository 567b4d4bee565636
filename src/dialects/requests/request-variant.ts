import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'

/**
 * Another form of a request, for an endpoint that cannot take it as it came: another path, another body, and an
 * answer that is changed back on its way to the client. Each attempt asks for its own.
 */
export interface RequestVariant {
  /** The client's by default. */
  readonly method?: string
  /** As the endpoint is to see it, percent-encoded, without its base path. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  /** As it is sent; the endpoint's name for the model already stands in it. */
  readonly body: Buffer | null
  /** Flat name/value pairs that replace the client's of the same name. */
  readonly headers?: readonly string[]
  /** Told to the client as `X-Olla-Mode`. */
  readonly mode?: string
  /** What becomes of the answer, once its head has come; undefined leaves it as it is. */
  answer?(head: UpstreamHead): AnswerVariant | GatheredAnswer | undefined
  /**
   * Asked where the endpoint has refused this form: a status of 400 or more, or an error inside of a good one.
   * What it returns goes to the same endpoint at once.
   * @param body complete
   * @returns undefined where the refusal is not for the form
   */
  otherwise?(head: UpstreamHead, body: Buffer): RequestVariant | undefined
}

/** Changes to one answer as it passes. Its length is no longer known. */
export interface AnswerVariant {
  /** The endpoint's by default. */
  readonly statusCode?: number
  /** Flat name/value pairs that replace the endpoint's of the same name: mostly `Content-Type`. */
  readonly headers?: readonly string[]
  /** Applied in this order. */
  readonly transforms: readonly AnswerTransform[]
  /** Whether a transform finds out by itself whether the answer is complete: see `hasFailed`. */
  readonly knowsEnding?: boolean
}

/**
 * An answer that is told in one piece. Until it is complete the client knows nothing of it, and the request can
 * still go to another endpoint.
 */
export interface GatheredAnswer {
  push(chunk: Buffer): void
  /** Whether what has come is enough, however long the answer goes on. */
  readonly isOver?: boolean
  end(): WholeAnswer
}

export interface WholeAnswer {
  readonly statusCode: number
  /** Flat name/value pairs that replace the endpoint's of the same name. */
  readonly headers: readonly string[]
  readonly body: Buffer
}
