import type { JsonSpan } from '../../../kernel/json/body-scan.ts'
import type { RoutedEndpoint } from '../../../routing/models/routing.ts'
import type { OpenThoughts } from '../../hub/parts/open-thoughts.ts'
import type { ReasoningField } from '../../hub/parts/reasoning-signature.ts'
import type { ParsedRequest } from '../../hub/parts/request-body.ts'
import type { RequestVariant } from '../../variants/request-variant.ts'
import type { AppliedTranslation } from '../request-translation.ts'
import type { UpstreamStreams } from '../upstream-stream.ts'

/** A Messages request as the client sent it. */
export interface MessagesCall {
  readonly body: Buffer
  /** The body, parsed with `messagesTexts`; undefined if it is yet to be parsed. */
  readonly parsed?: ParsedRequest | undefined
  readonly modelSpan: JsonSpan | undefined
  /** The client's name for the model. */
  readonly model: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly isStream: boolean
  readonly requestId: string
  /** When the request arrived; monotonic milliseconds. */
  readonly startedMs?: number
  /** Called when an attempt is translated, before it is sent. */
  readonly onTranslated?: ((translation: AppliedTranslation) => void) | undefined
  /** Called with whether an attempt asks for a stream that the client did not request. */
  readonly onStreamed?: ((isStreamed: boolean) => void) | undefined
}

export interface VariantOptions {
  /** Returns the request for an endpoint without chats; undefined for any other. */
  readonly translate?:
    | ((call: MessagesCall, target: RoutedEndpoint) => RequestVariant | undefined)
    | undefined
  /** Whether endpoints with the Messages API receive the original request. */
  readonly passthrough: boolean
  /** Whether answers contain the client's name for the model. */
  readonly renameAnswers: boolean
  readonly serverVersion: (slot: number) => string | undefined
  readonly newId: (prefix: string) => string
  /** The field in which each endpoint sends thinking, by slot. Answers fill it in. */
  readonly reasoningFields?: Map<number, ReasoningField> | undefined
  /** Models whose answers start inside a thought. Answers fill it in. */
  readonly openThoughts?: OpenThoughts | undefined
  /** Whether `max_tokens` is lowered to what the context leaves. */
  readonly fitsMaxTokens?: boolean
  /** Endpoints that are asked for streams which clients did not request; undefined if none are. */
  readonly streams?: UpstreamStreams
}
