import type { FastifyInstance } from 'fastify'
import { readResponsesRequest } from '../../src/dialects/openai/responses/request/read-request.ts'
import type { ResponseRequests } from '../../src/dialects/openai/responses/response-requests.ts'
import {
  asksForTruncation,
  InputTruncation,
  type ShorterInput,
} from '../../src/dialects/openai/responses/truncation/input-truncation.ts'
import type { Shortening } from '../../src/dialects/translate/request-translation.ts'
import type { JsonObject } from '../../src/kernel/json/json-fields.ts'
import type { ReadRequest } from '../../src/proxy/dispatch.ts'

/** Below this, the length of the texts is estimate enough. */
const minCountedTokens = 2_048

/**
 * An estimate of the prompt of a request that may be truncated.
 * @returns undefined for any other request, and if the length of the texts is estimate enough
 */
export async function truncatedPromptTokens(
  app: FastifyInstance,
  request: JsonObject,
): Promise<number | undefined> {
  if (!asksForTruncation(request) || !app.hasDecorator('tokenCounter')) return undefined
  if (new InputTruncation(request).promptTokens < minCountedTokens) return undefined
  const model = typeof request.model === 'string' ? request.model : ''
  const native = { body: Buffer.alloc(0), modelSpan: undefined, pathAt: () => undefined }
  try {
    const conversation = () => readResponsesRequest(request)
    return (await app.tokenCounter.count({ native, conversation, model }, [])).tokens
  } catch {
    // The reader of the request reports what is wrong with it.
    return undefined
  }
}

/**
 * How a request may be shortened.
 * @param readBody reads the same request with another body
 * @returns undefined if its client does not allow it
 */
export function shorteningOf(
  responses: ResponseRequests,
  request: unknown,
  promptTokens: number | undefined,
  readBody: (body: Buffer) => ReadRequest,
): Shortening | undefined {
  if (!asksForTruncation(request)) return undefined
  const truncation = new InputTruncation(request, promptTokens)
  const shorter = (input: ShorterInput | undefined) => {
    if (input === undefined) return undefined
    const { body, inspection } = readBody(responses.bodyOf({ whole: input.request }))
    if (!Buffer.isBuffer(body)) return undefined
    return { body, modelSpan: inspection.modelSpan, promptTokens: input.promptTokens }
  }
  return {
    original: request,
    promptTokens: truncation.promptTokens,
    toFit: (contextTokens) => shorter(truncation.toFit(contextTokens)),
    afterRefusal: (limit, sentTokens) => shorter(truncation.afterRefusal(limit, sentTokens)),
  }
}
