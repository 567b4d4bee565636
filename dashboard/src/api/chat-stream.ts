import type { ChatEvent } from '../state/chat-run.ts'
import { readEvents } from './sse.ts'

/** Yields the events of a streamed chat completion and how it ends. */
export async function* readAnswer(response: Response): AsyncGenerator<ChatEvent> {
  if (response.body === null) {
    yield { kind: 'failed', message: 'The answer has no body.' }
    return
  }
  for await (const { data } of readEvents(response.body)) {
    if (data === '[DONE]') {
      yield { kind: 'ended' }
      return
    }
    yield* readChunk(data)
  }
  // An interrupted stream looks like one that ends: only its last event shows the difference.
  yield { kind: 'failed', message: 'The stream ended prematurely.' }
}

/** The fields of an OpenAI chunk that the page reads; it ignores all others. */
interface Chunk {
  readonly error?: { readonly message?: string }
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null
      readonly reasoning_content?: string | null
      readonly reasoning?: string | null
    }
  }[]
  readonly usage?: { readonly prompt_tokens?: number; readonly completion_tokens?: number } | null
}

function* readChunk(data: string): Generator<ChatEvent> {
  const chunk = parsed(data)
  if (chunk === undefined) return
  if (chunk.error !== undefined) {
    yield { kind: 'failed', message: chunk.error.message ?? 'The endpoint reported an error.' }
    return
  }
  const delta = chunk.choices?.[0]?.delta
  const thought = delta?.reasoning_content ?? delta?.reasoning
  if (thought) yield { kind: 'text', text: thought, isThought: true }
  if (delta?.content) yield { kind: 'text', text: delta.content, isThought: false }
  const { usage } = chunk
  if (usage?.completion_tokens !== undefined) {
    yield {
      kind: 'usage',
      usage: { promptTokens: usage.prompt_tokens ?? 0, completionTokens: usage.completion_tokens },
    }
  }
}

function parsed(data: string): Chunk | undefined {
  try {
    return JSON.parse(data) as Chunk
  } catch {
    return undefined
  }
}
