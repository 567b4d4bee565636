import type { ChatEvent } from '../state/chat-run.ts'
import { isJson } from './answer-readers.ts'
import { messageOf } from './api-error.ts'
import type { PlaygroundApi } from './dialects.ts'
import { readLines } from './json-lines.ts'
import { readEvents } from './sse.ts'

type Api = Pick<PlaygroundApi, 'hasLines' | 'read'>

/** Yields what an answer says, what arrived for it, and how it ends. */
export async function* readAnswer(response: Response, api: Api): AsyncGenerator<ChatEvent> {
  const type = response.headers.get('content-type') ?? ''
  if (response.ok && response.body !== null && /event-stream|ndjson/.test(type)) {
    yield* readStream(response.body, api)
    return
  }
  const text = await response.text()
  yield { kind: 'raw', name: '', text }
  const json = parsed(text)
  if (!response.ok) yield { kind: 'failed', message: messageOf(response, text) }
  else if (json === undefined) yield { kind: 'failed', message: 'The answer is not JSON.' }
  else yield* api.read(json, true)
}

async function* readStream(body: ReadableStream<Uint8Array>, api: Api): AsyncGenerator<ChatEvent> {
  for await (const { event, data } of api.hasLines ? readLines(body) : readEvents(body)) {
    yield { kind: 'raw', name: event === 'message' ? '' : event, text: data }
    const json = parsed(data)
    const events =
      data === '[DONE]' ? [{ kind: 'ended' } as const] : json === undefined ? [] : api.read(json, false)
    yield* events
    if (events.some(({ kind }) => kind === 'ended' || kind === 'failed')) return
  }
  // An interrupted stream looks like one that ends: only its last event shows the difference.
  yield { kind: 'failed', message: 'The stream ended prematurely.' }
}

function parsed(data: string) {
  try {
    const value: unknown = JSON.parse(data)
    return isJson(value) ? value : undefined
  } catch {
    return undefined
  }
}
