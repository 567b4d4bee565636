import type { DialectErrors, ErrorParts } from '../contract/dialect.ts'
import { clientMessage, parsedError } from '../errors/client-message.ts'

export const ollamaErrors: DialectErrors = {
  types: undefined,
  body: (error, requestId) => ({ error: messageOf(error), request_id: requestId }),
  event(framing, body) {
    return framing === 'ndjson' ? `${body}\n` : `data: ${body}\n\n`
  },
  translate(_form, statusCode, body) {
    const value = parsedError(body)
    if (typeof value?.error === 'string') return undefined
    return JSON.stringify({ error: clientMessage(value, body, statusCode) })
  },
  status: (_form, statusCode) => statusCode,
}

/** Ollama's CLI looks for `not found`, and other clients for the whole message. */
function messageOf({ code, message, model }: ErrorParts): string {
  return code === 'model_not_found' && model !== undefined ? `model '${model}' not found` : message
}
