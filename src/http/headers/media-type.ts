import { Remembered } from '../../kernel/remembered.ts'

/** Framing of a response body, according to its content type. */
export type AnswerFraming = 'sse' | 'ndjson' | 'json' | 'html' | 'text' | 'none' | 'other'

/** Cache of content types; servers use only a handful. */
const known = new Remembered<AnswerFraming>(128)

/** Parses a content type; type and subtype are case-insensitive (RFC 9110 section 8.3.1). */
export function framingOf(contentType: string | undefined): AnswerFraming {
  if (contentType === undefined) return 'none'
  // Common values need no cache lookup.
  if (contentType === 'application/json') return 'json'
  if (contentType === 'text/event-stream' || contentType === 'text/event-stream; charset=utf-8') return 'sse'
  const found = known.get(contentType)
  if (found !== undefined) return found
  const framing = framingOfType(mediaType(contentType))
  known.set(contentType, framing)
  return framing
}

/** Type and subtype in lower case, without parameters. */
export function mediaType(contentType: string): string {
  const end = contentType.search(/[;,]/)
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

function framingOfType(type: string): AnswerFraming {
  switch (type) {
    case '':
      return 'none'
    case 'text/event-stream':
      return 'sse'
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
    case 'application/x-jsonl':
    case 'application/jsonlines':
    case 'application/json-lines':
    case 'application/x-json-stream':
    case 'application/json-seq':
      return 'ndjson'
    case 'application/json':
    case 'text/json':
      return 'json'
    case 'text/html':
    case 'application/xhtml+xml':
      return 'html'
    case 'text/plain':
      return 'text'
    // Sent by proxies that do not know the type.
    case 'application/octet-stream':
    case 'binary/octet-stream':
      return 'none'
    default:
      return type.startsWith('application/') && type.endsWith('+json') ? 'json' : 'other'
  }
}
