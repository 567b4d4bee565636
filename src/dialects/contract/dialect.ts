import type { ErrorCode, ErrorType } from '../../kernel/errors.ts'
import type { FamilyTable } from '../../routing/models/family-table.ts'
import type { UnifiedModel } from '../../routing/models/unified-model.ts'
import type { AnswerForm, StreamFraming } from './answer-form.ts'

export type Json = Readonly<Record<string, unknown>>

/**
 * One API that clients speak and endpoints may speak: all that is particular to it. Its folder exports one of these,
 * and `all.ts` lists it; no other file names it, but for routes that are its alone.
 */
export interface Dialect {
  /** Unique: views, statistics and the formats of model lists go by it. */
  readonly name: string
  readonly paths: DialectPaths
  readonly errors: DialectErrors
  /** Forms in which its answers come. */
  readonly answers: readonly AnswerForm[]
  /** How it lists models; undefined where it has no such list. */
  readonly models: ModelLists | undefined
  /** What keeps a client from giving up that waits for a stream; undefined where its clients know no such thing. */
  readonly keepAlive: StreamKeepAlive | undefined
  /** Header in which its clients look for the ID of a request, besides `X-Olla-Request-ID`. */
  readonly requestIdHeader: string | undefined
  /** Paths whose requests are translated for endpoints that do not speak it, and counted as such; mostly none. */
  readonly translatedPaths: readonly string[]
}

/** How paths are recognised. Patterns are those of `RoutePatterns`. */
export interface DialectPaths {
  /**
   * Whether a request to this path is the dialect's: its errors are told in it. The first dialect of the list that
   * owns a path has it.
   * @param path below the gateway's own prefix
   */
  owns(path: string): boolean
  /** Paths that another dialect has as well, and the header by which this one's clients are known; lower case. */
  readonly shared: { readonly header: string; readonly paths: RegExp } | undefined
  /** Operations for which an endpoint is there: with them go its credentials. */
  readonly inference: readonly string[]
  /** Sources of expressions for the end of paths that the API has for POST alone. */
  readonly postOnly: readonly string[]
  /** Operations in which `name` stands for `model` too. */
  readonly takesName: RegExp | undefined
  /** Operations that manage a server, and the words with which they are refused. */
  readonly management: { readonly patterns: readonly string[]; readonly refusal: string } | undefined
}

/** The parts of a `GatewayError` that a body tells. */
export interface ErrorParts {
  readonly code: ErrorCode
  readonly message: string
  readonly attempts?: readonly string[]
  readonly details?: Json | undefined
}

export interface DialectErrors {
  /** Names of the types of errors; undefined where the API has none. */
  readonly types: Readonly<Record<ErrorType, string>> | undefined
  /** The JSON body of one of the gateway's own errors. */
  body(error: ErrorParts, requestId: string): Json
  /** An error inside of a stream. @param body as a JSON text */
  event(framing: StreamFraming, body: string): string
  /**
   * An endpoint's error in the dialect's words.
   * @param form in which the answer would have come
   * @returns undefined where the body is in the dialect already
   */
  translate(form: AnswerForm, statusCode: number, body: string): string | undefined
  /** The status with which it is told. */
  status(form: AnswerForm, statusCode: number, body: string): number
}

export interface ModelLists {
  /** @param query of the request, for APIs that give a part of the list */
  list(models: readonly UnifiedModel[], families: FamilyTable, query?: Json): Json
  entry(model: UnifiedModel, families: FamilyTable): Json
}

export interface StreamKeepAlive {
  /** A complete event that clients pass over. */
  readonly beat: Buffer
  /** Flat headers of a stream that begins with it. */
  readonly headers: readonly string[]
}
