import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import { isUnload, readKeepAlive } from './keep-alive.ts'

export type OllamaOperation = 'chat' | 'generate'

/**
 * Whether a request only loads or unloads its model, as `ollama run` and `ollama stop` do: it has no messages or no
 * prompt, and `keep_alive` is 0 to unload it.
 * @returns undefined if it asks for an answer
 * @throws GatewayError invalid_request if `keep_alive` is not valid
 */
export function ollamaLoadRequest(
  request: JsonObject,
  operation: OllamaOperation,
): 'load' | 'unload' | undefined {
  const content = operation === 'chat' ? request.messages : request.prompt
  const isEmpty =
    content === undefined ||
    content === null ||
    content === '' ||
    (operation === 'chat' && Array.isArray(content) && content.length === 0)
  if (!isEmpty) return undefined
  return isUnload(readKeepAlive(request.keep_alive)) ? 'unload' : 'load'
}

/** Ollama's answer to such a request: one object, also to a client that wants a stream. */
export function ollamaLoadAnswer(
  reason: 'load' | 'unload',
  operation: OllamaOperation,
  model: string,
  nowMs: number,
): JsonObject {
  const empty = operation === 'chat' ? { message: { role: 'assistant', content: '' } } : { response: '' }
  return { model, created_at: new Date(nowMs).toISOString(), ...empty, done: true, done_reason: reason }
}

/**
 * The answer to a request that only loads or unloads its model, for endpoints that keep their models in memory
 * themselves.
 * @returns undefined if the request asks for an answer of the model
 * @throws GatewayError invalid_request if `keep_alive` is not valid
 */
export function loadAnswer(
  request: JsonObject,
  operation: OllamaOperation,
  model: string,
  nowMs: number,
): JsonObject | undefined {
  const reason = ollamaLoadRequest(request, operation)
  return reason === undefined ? undefined : ollamaLoadAnswer(reason, operation, model, nowMs)
}
