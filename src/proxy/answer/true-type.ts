import { answerFormOf } from '../../dialects/answers/form-finder.ts'
import type { AnswerForm } from '../../dialects/contract/answer-form.ts'
import { framingIn, type UpstreamHead, withHeaders } from '../../http/headers/response-headers.ts'

const openBrace = 0x7b
const lineFeed = 0x0a
const field = /^(?:\ufeff|\u00ef\u00bb\u00bf)?\s*(?:(?:data|event|id|retry|error):|:)/
const maxFieldLength = 64

/**
 * The head of an answer with the content type that its first bytes show. Some servers, and proxies in front of them,
 * send streams as JSON, as text, or without a type; a stream must be recognized to be relayed at once and watched.
 * @param path path requested from the endpoint
 * @param first the first bytes of the body
 */
export function withTrueType(
  head: UpstreamHead,
  method: string,
  path: string,
  first: Buffer | undefined,
): UpstreamHead {
  if (first === undefined || head.statusCode >= 300) return head
  const framing = framingIn(head.headers)
  if (framing === 'sse' || framing === 'ndjson' || framing === 'other') return head
  const form = answerFormOf(method, path)
  if (form === undefined) return head
  const type = first[0] === openBrace ? lineType(form, first) : eventType(first)
  return type === undefined ? head : { ...head, headers: withHeaders(head.headers, ['Content-Type', type]) }
}

function eventType(first: Buffer): string | undefined {
  return field.test(first.toString('latin1', 0, maxFieldLength)) ? 'text/event-stream' : undefined
}

/** A whole answer of Ollama's API has `"done": true`; a first line with `false` starts a stream of lines. */
function lineType({ stream }: AnswerForm, first: Buffer): string | undefined {
  if (stream?.lines === undefined) return undefined
  const end = first.indexOf(lineFeed)
  if (end < 0 || !/"done"\s*:\s*false/.test(first.toString('latin1', 0, end))) return undefined
  try {
    const line: unknown = JSON.parse(first.toString('utf8', 0, end))
    const isOpen = typeof line === 'object' && line !== null && 'done' in line && line.done === false
    return isOpen ? 'application/x-ndjson' : undefined
  } catch {
    return undefined
  }
}
