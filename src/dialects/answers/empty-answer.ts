/** Maximum bytes of a request that are parsed; a longer one is taken as an ordinary request. */
const maxParsedBytes = 1_048_576

/** Limits of tokens in all dialects. An answer of one token may be a special token without text. */
const limits = ['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'n_predict', 'num_predict']
/** Conditions under which the first token may end the answer. */
const stops = ['stop', 'stop_sequences', 'stop_token_ids', 'stop_regex']

/** Whether the request itself explains an answer without content. */
export function mayBeEmpty(body: unknown): boolean {
  if (!Buffer.isBuffer(body) || body.length > maxParsedBytes) return false
  const request = objectIn(body.toString('utf8'))
  if (request === undefined) return false
  const { options, generate, prompt, messages } = request
  return (
    generate === false ||
    isEmptyValue(prompt) ||
    isEmptyValue(messages) ||
    isBounded(request) ||
    (isObject(options) && isBounded(options))
  )
}

function isBounded(settings: Readonly<Record<string, unknown>>): boolean {
  return (
    limits.some((name) => {
      const limit = settings[name]
      return typeof limit === 'number' && limit >= 0 && limit <= 1
    }) || stops.some((name) => isSet(settings[name]))
  )
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && !isEmptyValue(value)
}

function isEmptyValue(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
