import type { ErrorCode, ErrorType } from '../../kernel/errors.ts'
import type { StreamFraming } from '../../kernel/stream/framing.ts'
import type { FamilyTable } from '../../routing/models/family-table.ts'
import type { UnifiedModel } from '../../routing/models/unified-model.ts'
import type { EmbeddingsFormat, RankingFormat } from '../hub/exchange/exchange-format.ts'
import type { Format } from '../hub/format.ts'
import type { AnswerForm } from './answer-form.ts'
import type { WriteLimit } from './limit-headers.ts'
import type { WaitingTalk } from './waiting-talk.ts'

export type Json = Readonly<Record<string, unknown>>

/**
 * Everything specific to one API. The folder of a dialect exports one of these, and `all.ts` lists it. Only routes and
 * translations of the API also import the folder.
 */
export interface Dialect {
  /** Unique. Views, statistics and the formats of model lists use it. */
  readonly name: string
  readonly paths: DialectPaths
  readonly errors: DialectErrors
  /** The forms of its answers. */
  readonly answers: readonly AnswerForm[]
  /** Undefined if the API has no list of models. */
  readonly models: ModelLists | undefined
  /** Sent while a client waits for a stream; undefined if clients of the API do not expect it. */
  readonly keepAlive: StreamKeepAlive | undefined
  /** What a stream may contain while the request waits for a place; undefined if nothing. */
  readonly waiting?: WaitingTalk | undefined
  /** Tells clients what is left of their limits per minute; undefined if as the default dialect does. */
  readonly writeLimit?: WriteLimit | undefined
  /** Response header for the request ID, in addition to `X-Olla-Request-ID`. */
  readonly requestIdHeader: string | undefined
  /** Its operations that the gateway can translate to and from other APIs. */
  readonly formats?: readonly Format[] | undefined
  /** The same for embeddings and rankings, whose answers are never streamed; best first. */
  readonly embeddings?: readonly EmbeddingsFormat[] | undefined
  readonly rankings?: readonly RankingFormat[] | undefined
  /** Paths whose requests are translated for endpoints without the API, and counted under the dialect's name. */
  readonly translatedPaths: readonly string[]
}

/** How the paths of an API are recognized. Patterns are those of `RoutePatterns`. */
export interface DialectPaths {
  /**
   * Whether clients that request this path expect the dialect, for example in errors. The first dialect in the list
   * that owns a path gets it.
   * @param path below the gateway's own prefix
   */
  owns(path: string): boolean
  /** Paths that several dialects share, and the request header (lower case) that only this one's clients send. */
  readonly shared: { readonly header: string; readonly paths: RegExp } | undefined
  /** Patterns of operations that may carry the endpoint's credentials. */
  readonly inference: readonly string[]
  /** Regular expressions for the end of paths that accept only POST. */
  readonly postOnly: readonly string[]
  /** Paths on which `name` is a synonym of `model`. */
  readonly acceptsName: RegExp | undefined
  /** Patterns of operations that manage a server, and the message that refuses them. */
  readonly management: { readonly patterns: readonly string[]; readonly refusal: string } | undefined
}

/** The parts of a `GatewayError` that a body contains. */
export interface ErrorParts {
  readonly code: ErrorCode
  readonly message: string
  readonly attempts?: readonly string[]
  readonly details?: Json | undefined
  readonly model?: string | undefined
}

/** What the error of an operation may be about. */
export type ErrorForm = Pick<AnswerForm, 'hasContext'>

export interface DialectErrors {
  /** The API's names for the types of errors; undefined if it has none. */
  readonly types: Readonly<Record<ErrorType, string>> | undefined
  /** The JSON body of one of the gateway's own errors. */
  body(error: ErrorParts, requestId: string): Json
  /** An error event inside a stream. @param body of the error, as JSON */
  event(framing: StreamFraming, body: string): string
  /**
   * Translates the error of an endpoint.
   * @param form of the operation
   * @returns undefined if the body is in the dialect already
   */
  translate(form: ErrorForm, statusCode: number, body: string): string | undefined
  /** The status for an endpoint's error. */
  status(form: ErrorForm, statusCode: number, body: string): number
  /**
   * What to say if an endpoint does not have the stored object that a path names.
   * @param text of the endpoint's error
   * @returns undefined if the path names none, or the endpoint says so itself
   */
  unknownObject?(path: string, text: string): string | undefined
}

export interface ModelLists {
  /** @param query of the request, for APIs with pages */
  list(models: readonly UnifiedModel[], families: FamilyTable, query?: Json): Json
  entry(model: UnifiedModel, families: FamilyTable): Json
}

export interface StreamKeepAlive {
  /** A complete event that clients ignore. */
  readonly event: Buffer
  /** Headers of a stream that begins with it, as flat name/value pairs. */
  readonly headers: readonly string[]
}
