import { GatewayError } from '../../../kernel/errors.ts'
import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type { EndedAnswer, Format, FormatCall } from '../../hub/format.ts'
import { parseRequest } from '../../hub/parts/request-body.ts'
import {
  answerConversation,
  type ConversationParts,
  conversationPath,
  keptItems,
} from './conversations/conversation-requests.ts'
import { conversationFull } from './request/unknown-state.ts'
import { ownedStores } from './store/owned-stores.ts'
import {
  conversationOf,
  type ExpandedRequest,
  expandRequest,
  isStored,
  itemsOf,
  outputOf,
  parsedText,
  type ResponseStores,
} from './store/stored.ts'
import { answerStored, responsePath, unknownResponse } from './store/stored-views.ts'

/** A request about a response or a conversation. */
export interface StateCall {
  readonly method: string
  /** As requested from endpoints. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly body: Buffer | undefined
  /** Name of the caller; undefined if the gateway does not know it. */
  readonly caller: string | undefined
}

export interface ResponseRequestsParts extends ConversationParts {
  readonly stores: ResponseStores
  /** Maximum size of a request with what it refers to. */
  readonly maxRequestBytes: number
  /** Receives the failures of the stores. */
  onError(error: unknown): void
}

/** Members of a request that refer to something stored. */
const references: readonly Buffer[] = ['"previous_response_id"', '"conversation"', '"item_reference"'].map(
  (name) => Buffer.from(name),
)

/** Requests to the Responses API that concern responses and conversations of the stores. */
export class ResponseRequests {
  readonly #parts: ResponseRequestsParts

  constructor(parts: ResponseRequestsParts) {
    this.#parts = parts
  }

  /**
   * Adds what a request refers to.
   * @returns undefined if it certainly refers to nothing; a promise of undefined if the stores do not have it
   */
  expand(body: Buffer, caller?: string): Promise<ExpandedRequest | undefined> | undefined {
    // Most requests refer to nothing: a byte search finds that out without parsing the body.
    if (!references.some((name) => body.includes(name))) return undefined
    const request = parsed(body)
    return request === undefined ? undefined : expandRequest(request, this.#owned(caller))
  }

  /**
   * The body of a request with what it refers to.
   * @throws GatewayError payload_too_large
   */
  bodyOf({ whole }: ExpandedRequest): Buffer {
    const body = Buffer.from(JSON.stringify(whole))
    const { maxRequestBytes } = this.#parts
    if (body.length <= maxRequestBytes) return body
    throw new GatewayError(
      'payload_too_large',
      `The request has ${body.length} bytes with the conversation that it continues; the maximum is ${maxRequestBytes}.`,
    )
  }

  /**
   * Answers a request about something stored.
   * @returns undefined if the path is none of the stores'; a promise of undefined if they do not have it
   * @throws GatewayError invalid_json, invalid_request
   */
  answer({ method, path, query, body, caller }: StateCall): Promise<JsonObject | undefined> | undefined {
    const response = responsePath(path)
    if (response !== undefined) return answerStored(this.#owned(caller).responses, method, response, query)
    const conversation = conversationPath(path)
    if (conversation === undefined) return undefined
    const call = { method, query, body: body === undefined ? undefined : parseRequest(body) }
    return answerConversation(this.#owned(caller).conversations, conversation, call, this.#parts)
  }

  /** The error of a request about a response that no endpoint and no store has. */
  errorFor(path: string, error: unknown): unknown {
    if (!(error instanceof GatewayError) || error.code !== 'path_not_served') return error
    const response = responsePath(path)
    return response === undefined ? error : unknownResponse(response.id)
  }

  /** Where the answer to a request is stored; undefined if it is not. */
  readonly storeFor = (
    format: Pick<Format, 'name'>,
    request: JsonObject,
    caller: string | undefined,
  ): FormatCall['store'] => {
    if (format.name !== 'responses') return undefined
    const conversationId = conversationOf(request)
    if (!isStored(request) && conversationId === undefined) return undefined
    return (answer) => {
      const kept = isStored(request) ? this.#keep(request, answer, caller) : undefined
      const added = conversationId && this.#append(conversationId, request, answer, caller)
      Promise.all([kept, added]).catch((error: unknown) => this.#parts.onError(error))
    }
  }

  #keep(request: JsonObject, { id, text, itemIds }: EndedAnswer, caller: string | undefined): Promise<void> {
    return this.#owned(caller).responses.put({
      id,
      previousId: textField(request, 'previous_response_id'),
      itemIds,
      request: ownBytes(JSON.stringify(request)),
      response: ownBytes(text),
    })
  }

  /** Adds the input and output of a response to its conversation. */
  async #append(
    conversationId: string,
    request: JsonObject,
    { text }: EndedAnswer,
    caller: string | undefined,
  ): Promise<void> {
    const response = parsedText(Buffer.from(text))
    if (response.status !== 'completed' && response.status !== 'incomplete') return
    const items = [...itemsOf(request.input).filter(isObject), ...outputOf(response)]
    const added = keptItems(items, this.#parts.newId)
    const { conversations } = this.#owned(caller)
    if ((await conversations.change(conversationId, { added })) !== undefined) return
    // Its client may have deleted it.
    if ((await conversations.get(conversationId)) !== undefined) throw conversationFull(conversationId)
  }

  #owned(caller: string | undefined): ResponseStores {
    return ownedStores(this.#parts.stores, caller)
  }
}

/** @returns undefined if the body is no request; reading it again reports why */
function parsed(body: Buffer): JsonObject | undefined {
  try {
    return parseRequest(body)
  } catch {
    return undefined
  }
}

/** In a buffer of their own: a view of a pooled one would be copied between threads with the whole pool. */
function ownBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
