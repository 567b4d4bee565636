/** A chat through the gateway, as any client of the OpenAI API would request it. */
import type { ChatEvent, ServedBy } from '../state/chat-run.ts'
import { ApiError } from './api-error.ts'
import { readAnswer } from './chat-stream.ts'
import { gatewayUrl, request } from './http.ts'

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface ChatRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
}

/** Yields events until the answer is complete, has failed, or `signal` stops it. Never throws. */
export async function* streamChat(chat: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  try {
    const response = await request(gatewayUrl('v1/chat/completions'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream' },
      body: JSON.stringify({
        model: chat.model,
        messages: chat.messages,
        stream: true,
        stream_options: { include_usage: true },
        ...(chat.temperature === undefined ? {} : { temperature: chat.temperature }),
        ...(chat.maxTokens === undefined ? {} : { max_tokens: chat.maxTokens }),
      }),
      signal,
    })
    yield { kind: 'answered', status: response.status, served: servedBy(response.headers) }
    yield* readAnswer(response)
  } catch (error) {
    if (signal.aborted) yield { kind: 'stopped' }
    else yield { kind: 'failed', message: messageOf(error) }
  }
}

function servedBy(headers: Headers): ServedBy {
  const header = (name: string) => headers.get(name) ?? undefined
  return {
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
