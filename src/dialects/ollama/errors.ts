import type { DialectErrors } from '../contract/dialect.ts'
import { clientMessage, parsedError } from '../errors/client-message.ts'

export const ollamaErrors: DialectErrors = {
  types: undefined,
  body: ({ message }, requestId) => ({ error: message, request_id: requestId }),
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
