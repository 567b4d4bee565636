import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { JsonSpan } from '../../kernel/json/body-scan.ts'
import type { JsonObject } from '../../kernel/json/json-fields.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { ContextLimit } from '../errors/context-limit.ts'
import type { Feature } from '../hub/contract/features.ts'
import type { Format } from '../hub/format.ts'
import type { RequestVariant } from '../variants/request-variant.ts'
import type { WholeOperation } from './whole-operations.ts'

/** An operation of an API that can be translated. */
export type TranslatedFormat = Format | WholeOperation

/** A client's format, as routing sees it. */
export interface ClientFormat {
  readonly format: TranslatedFormat
  /**
   * Whether a request may have to be translated even for an endpoint that is expected to have its path. False for chat
   * completions, which every server has, so that they cost nothing extra.
   */
  readonly mayLackPath: boolean
  /** Whether requests can be translated for an endpoint that does not have their path. */
  translates(candidate: RoutedEndpoint): boolean
}

/** A shorter form of a request whose client allows that. */
export interface ShorterRequest {
  readonly body: Buffer
  readonly modelSpan: JsonSpan | undefined
  /** An estimate. */
  readonly promptTokens: number
}

/** Shortens a request that does not fit the context of a model. */
export interface Shortening {
  /** The client's request in full. */
  readonly original: JsonObject
  /** Of the whole request; an estimate. */
  readonly promptTokens: number
  /** @returns undefined if it fits as it is, or cannot be shortened */
  toFit(contextTokens: number): ShorterRequest | undefined
  /**
   * @param sentTokens estimate of the request that was refused
   * @returns undefined if it cannot be shortened further
   */
  afterRefusal(limit: ContextLimit, sentTokens: number): ShorterRequest | undefined
}

/** A client's request that can be translated. */
export interface TranslatedCall {
  readonly format: TranslatedFormat
  /** As requested from the endpoint. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly body: Buffer
  readonly modelSpan: JsonSpan | undefined
  /** The client's name for the model. */
  readonly model: string
  readonly requestId: string
  /** When the request arrived; monotonic milliseconds. */
  readonly startedMs: number
  /** The client's request, if the gateway has added what it refers to. */
  readonly original?: JsonObject | undefined
  /** Undefined if the request must not be shortened. */
  readonly shortening?: Shortening | undefined
  /** Name of the caller; undefined if the gateway does not know it. */
  readonly caller?: string | undefined
  /** Called when an attempt is translated, before it is sent. */
  onTranslated(translation: AppliedTranslation): void
  /** Called with whether an attempt asks for a stream that the client did not request. */
  onStreamed?(isStreamed: boolean): void
}

export interface ConversationCall extends TranslatedCall {
  readonly format: Format
}

/** How a request was translated for an endpoint. */
export interface AppliedTranslation {
  /** Name of the client's format, such as `responses`. */
  readonly from: string
  /** Name of the endpoint's format, such as `chat`. */
  readonly to: string
  /** Features of the request that the endpoint's API lacks and that were dropped. */
  readonly dropped: readonly Feature[]
}

/** For logs and views, such as `responses to chat`. */
export function translationText({ from, to }: Pick<AppliedTranslation, 'from' | 'to'>): string {
  return `${from} to ${to}`
}

/** Returns the request in the form that an endpoint accepts; undefined for the client's own. */
export type TranslateFor = (target: RoutedEndpoint) => RequestVariant | undefined

export interface Translations {
  /** The format of a POST request; undefined if it cannot be translated. @param path as requested from endpoints */
  formatOf(path: string): ClientFormat | undefined
  variants(call: TranslatedCall): TranslateFor
  /** Whether requests to a path can be translated for an endpoint, if it does not have the path itself. */
  reaches(endpoint: Endpoint, path: string): boolean
  /** Whether an endpoint has a path itself; undefined if unknown. */
  speaks(path: string, candidate: RoutedEndpoint): boolean | undefined
  /** The path at which an endpoint would get a request; undefined if it would get none. */
  sentPath(client: ClientFormat, candidate: RoutedEndpoint): string | undefined
  /** How a request would be translated for an endpoint; undefined if it is sent as it is. */
  applied(client: ClientFormat, candidate: RoutedEndpoint): string | undefined
}
