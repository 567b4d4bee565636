import type { JsonObject } from './request.ts'

/** Deterministic like all of an answer, since tests compare answers. */
export const created = 1_700_000_000
export const eventStream = 'text/event-stream; charset=utf-8'

/** An event of OpenAI's streams. */
export function event(body: JsonObject): string {
  return `data: ${JSON.stringify(body)}\n\n`
}
