/** A chat through the gateway, as any client of its API would request it. */
import type { ChatEvent, ServedBy } from '../state/chat-run.ts'
import { ApiError } from './api-error.ts'
import { readAnswer } from './chat-stream.ts'
import type { ChatRequest, PlaygroundApi } from './dialects.ts'
import { gatewayUrl, send } from './http.ts'

/**
 * Yields events until the answer is complete, has failed, or `signal` stops it. Never throws.
 * @param key for the API; '' sends none
 */
export async function* requestChat(
  api: PlaygroundApi,
  chat: ChatRequest,
  signal: AbortSignal,
  key = '',
): AsyncGenerator<ChatEvent> {
  try {
    const response = await send(gatewayUrl(api.path), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(key === '' ? {} : api.keyHeaders(key)) },
      body: JSON.stringify(api.body(chat)),
      signal,
    })
    yield { kind: 'answered', status: response.status, served: servedBy(response.headers) }
    yield* readAnswer(response, api)
  } catch (error) {
    if (signal.aborted) yield { kind: 'stopped' }
    else yield { kind: 'failed', message: messageOf(error) }
  }
}

function servedBy(headers: Headers): ServedBy {
  const header = (name: string) => headers.get(name) ?? undefined
  return {
    headers: [...headers].filter(([name]) => name.startsWith('x-olla-') || name === 'content-type'),
    endpoint: header('X-Olla-Endpoint'),
    backendType: header('X-Olla-Backend-Type'),
    requestId: header('X-Olla-Request-ID'),
    attempts: header('X-Olla-Attempts'),
    decision: header('X-Olla-Routing-Decision'),
    reason: header('X-Olla-Routing-Reason'),
  }
}

function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : 'The connection closed during the answer.'
}
