import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { GatewayError } from '../../kernel/errors.ts'
import type { BodyBytes } from '../../kernel/memory/body-bytes.ts'
import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import type { BadAnswer } from '../errors/bad-answer.ts'

/**
 * Another form of a request, for an endpoint that does not accept the original: another path, another body, and an
 * answer that is translated back on its way to the client. Each attempt creates its own variant.
 */
export interface RequestVariant {
  /** The client's by default. */
  readonly method?: string
  /** As sent to the endpoint, percent-encoded, without its base path. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  /** Sent unchanged; it already contains the endpoint's name for the model. */
  readonly body: BodyBytes | null
  /** Flat name/value pairs that replace the client's of the same name. */
  readonly headers?: readonly string[]
  /** Sent to the client as `X-Olla-Mode`. */
  readonly mode?: string
  /** Changes to the answer, once its head has arrived; undefined passes the answer unchanged. */
  answer?(head: UpstreamHead): AnswerVariant | GatheredAnswer | undefined
  /**
   * Called if the endpoint refuses this variant: with a status of 400 or higher, or with an error inside a 2xx answer.
   * The returned variant goes to the same endpoint at once.
   * @param body complete
   * @returns undefined if the endpoint refused the request for another reason
   */
  onRefusal?(head: UpstreamHead, body: Buffer): RequestVariant | undefined
  /** Why the request cannot be translated, if the endpoint turned out to lack the path. Variants made of it share it. */
  readonly untranslatable?: { error: GatewayError | undefined }
}

/** Changes to one answer while it streams. */
export interface AnswerVariant {
  /** The endpoint's by default. */
  readonly statusCode?: number
  /** Flat name/value pairs that replace the endpoint's of the same name, usually `Content-Type`. */
  readonly headers?: readonly string[]
  /** Applied in this order. */
  readonly transforms: readonly AnswerTransform[]
  /** Whether the transforms change no byte, so that the answer keeps its length. */
  readonly keepsBytes?: boolean
  /** Whether a transform detects by itself whether the answer is complete; see `hasFailed`. */
  readonly detectsEnding?: boolean
}

/**
 * An answer that is buffered and sent whole. The client receives nothing before it is complete, so the request can
 * still fail over to another endpoint.
 */
export interface GatheredAnswer {
  push(chunk: Buffer): void
  /** Whether the bytes so far suffice, although the answer may continue. */
  readonly isOver?: boolean
  /** Bytes that it retains, if they are fewer than it received. */
  readonly heldBytes?: number
  end(): WholeAnswer
  /** After its end: why the answer is invalid, so that another endpoint is tried. */
  readonly failure?: BadAnswer | undefined
}

export interface WholeAnswer {
  readonly statusCode: number
  /** Flat name/value pairs that replace the endpoint's of the same name. */
  readonly headers: readonly string[]
  readonly body: Buffer
}
