import { Remembered } from '../../kernel/remembered.ts'

/** How the body of an answer is framed, as its content type says. */
export type AnswerFraming = 'sse' | 'ndjson' | 'json' | 'html' | 'text' | 'none' | 'other'

/** Servers use a handful of content types. */
const known = new Remembered<AnswerFraming>(128)

/** Reads a content type; type and subtype are compared without case (RFC 9110, section 8.3.1). */
export function framingOf(contentType: string | undefined): AnswerFraming {
  if (contentType === undefined) return 'none'
  // What most answers say is found sooner without a table.
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
    // What proxies say that do not know.
    case 'application/octet-stream':
    case 'binary/octet-stream':
      return 'none'
    default:
      return type.startsWith('application/') && type.endsWith('+json') ? 'json' : 'other'
  }
}
