import type { EventContent } from '../../contract/answer-form.ts'

type JsonObject = Readonly<Record<string, unknown>>

/** Engines write the members of an event in any order. */
const eventType = /"type"\s*:\s*"(response\.[a-z_.]+)"/
const fullText = /"(?:text|refusal)"\s*:\s*"[^"]/
const emptyDelta = /"delta"\s*:\s*""/

/** What an event of a response adds to a stream that has had no content. */
export function responseContentOf(text: string, name: string): EventContent {
  switch (name === '' ? eventType.exec(text)?.[1] : name) {
    case 'response.created':
    case 'response.in_progress':
    case 'response.queued':
      return 'idle'
    case 'response.output_item.added':
    case 'response.output_item.done':
      return isEmptyItem(objectIn(text)?.item) ? 'idle' : 'content'
    case 'response.content_part.added':
    case 'response.content_part.done':
    case 'response.output_text.done':
    case 'response.reasoning_text.done':
    case 'response.reasoning_summary_part.added':
    case 'response.reasoning_summary_part.done':
    case 'response.reasoning_summary_text.done':
      return fullText.test(text) ? 'content' : 'idle'
    case 'response.output_text.delta':
    case 'response.reasoning_text.delta':
    case 'response.reasoning_summary_text.delta':
      return emptyDelta.test(text) ? 'idle' : 'content'
    case 'response.completed':
      return isEmptyResponse(objectIn(text)?.response) ? 'empty_end' : 'content'
    default:
      return 'content'
  }
}

function isEmptyResponse(response: unknown): boolean {
  if (!isObject(response)) return false
  const { output } = response
  return Array.isArray(output) && output.every(isEmptyItem)
}

/** A message or reasoning that has no text yet. Any other item is content by itself, such as a call of a tool. */
function isEmptyItem(item: unknown): boolean {
  if (!isObject(item) || (item.type !== 'message' && item.type !== 'reasoning')) return false
  return isEmptyList(item.content) && isEmptyList(item.summary) && !item.encrypted_content
}

function isEmptyList(parts: unknown): boolean {
  if (parts === undefined || parts === null) return true
  return Array.isArray(parts) && parts.every((part) => isObject(part) && !part.text && !part.refusal)
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
