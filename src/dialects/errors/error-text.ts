/** Longest text that is examined. Error bodies are short; some end with a quote of the whole prompt. */
const maxTextLength = 8_192
/** Fields of an error object that describe the error. Other fields may quote the request. */
const descriptiveFields: readonly string[] = [
  'message',
  'msg',
  'error',
  'detail',
  'type',
  'code',
  'error_type',
  'finish_reason',
  'param',
  'n_prompt_tokens',
  'n_ctx',
]
const maxDepth = 4

/**
 * The text of an error body: the fields that describe the error, joined. A body that is not a JSON object is its own
 * text. Fields that may quote the request, such as FastAPI's `input`, are left out.
 */
export function errorText(body: string): string {
  const parsed = body.trimStart().startsWith('{') ? parse(body) : undefined
  if (parsed === undefined) return body.slice(0, maxTextLength)
  const texts: string[] = []
  collect(parsed, texts, 0)
  return texts.join(' . ').slice(0, maxTextLength)
}

function collect(value: unknown, texts: string[], depth: number): void {
  if (typeof value === 'string') texts.push(value)
  else if (Array.isArray(value)) {
    if (depth < maxDepth) for (const each of value.slice(0, 8)) collect(each, texts, depth + 1)
  } else if (typeof value === 'object' && value !== null && depth < maxDepth) {
    for (const field of descriptiveFields) {
      const inner: unknown = Reflect.get(value, field)
      if (typeof inner === 'number') texts.push(`${field}: ${inner}`)
      else if (inner !== undefined && inner !== null) collect(inner, texts, depth + 1)
    }
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
