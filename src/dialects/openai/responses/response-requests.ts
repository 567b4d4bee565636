import { GatewayError } from '../../../kernel/errors.ts'
import { type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type { Format, FormatCall } from '../../hub/format.ts'
import { parseRequest } from '../../hub/parts/request-body.ts'
import { type ExpandedRequest, expandRequest, isStored, type ResponseStore } from './store/stored.ts'
import { answerStored, responsePath, unknownResponse } from './store/stored-views.ts'

/** Members of a request that refer to a stored response or item. */
const references: readonly Buffer[] = ['"previous_response_id"', '"item_reference"'].map((name) =>
  Buffer.from(name),
)

/** Requests to the Responses API that concern responses of the store. */
export class ResponseRequests {
  readonly #store: ResponseStore
  readonly #onError: (error: unknown) => void

  /** @param onError receives the failures of a store */
  constructor(store: ResponseStore, onError: (error: unknown) => void) {
    this.#store = store
    this.#onError = onError
  }

  /**
   * Adds what a request refers to.
   * @returns undefined if it certainly refers to nothing; a promise of undefined if the store does not have it
   */
  expand(body: Buffer): Promise<ExpandedRequest | undefined> | undefined {
    // Most requests refer to nothing: a byte search finds that out without parsing the body.
    if (!references.some((name) => body.includes(name))) return undefined
    const request = parsed(body)
    return request === undefined ? undefined : expandRequest(request, this.#store)
  }

  /**
   * Answers a request about a stored response.
   * @param path as requested from endpoints
   * @param query with its `?`, or ''
   * @returns undefined if the path is none of a response; a promise of undefined if the store does not have it
   */
  answer(method: string, path: string, query: string): Promise<JsonObject | undefined> | undefined {
    const found = responsePath(path)
    return found === undefined ? undefined : answerStored(this.#store, method, found, query)
  }

  /** The error of a request about a response that no endpoint and no store has. */
  errorFor(path: string, error: unknown): unknown {
    const found = responsePath(path)
    const isMissing = error instanceof GatewayError && error.code === 'path_not_served'
    return found !== undefined && isMissing ? unknownResponse(found.id) : error
  }

  /** Where the answer to a request is stored; undefined if it is not. */
  readonly storeFor = (format: Format, request: JsonObject): FormatCall['store'] => {
    if (format.name !== 'responses' || !isStored(request)) return undefined
    return ({ id, text, itemIds }) => {
      this.#store
        .put({
          id,
          previousId: textField(request, 'previous_response_id'),
          itemIds,
          request: ownBytes(JSON.stringify(request)),
          response: ownBytes(text),
        })
        .catch(this.#onError)
    }
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
