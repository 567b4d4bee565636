const hidden = '[redacted]'

const secretName =
  'api[_-]?key|authorization|password|passwd|secret|credential|cookie|private[_-]?key|(?:access|auth|refresh|bearer)[_-]?token'
const secretKey = new RegExp(secretName, 'i')

/** Secrets recognizable by their shape or by the text before them, anywhere in a text. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`("[\\w-]*(?:${secretName})[\\w-]*"\\s*:\\s*")(?:\\\\.|[^"\\\\])*`, 'gi'), `$1${hidden}`],
  [/\b(\w*(?:API_?KEY|SECRET|PASSWORD|TOKEN)\w*=)(?:"[^"]*"|'[^']*'|[^\s"']+)/g, `$1${hidden}`],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${hidden}`],
  [/\bsk-[\w-]{16,}/g, hidden],
  [/\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{20,}|xox[abprs]-[\w-]{10,})/g, hidden],
  [/\bA(?:KIA|SIA)[A-Z0-9]{16}\b/g, hidden],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g, hidden],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gs, hidden],
]

/**
 * Hides what looks like a secret in a JSON value: values under telling keys, and key or token shapes in any text. It
 * prefers to hide too much, but cannot recognize secrets without such a shape.
 */
export function redactSecrets(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map(redactSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'string' && secretKey.test(key) ? hidden : redactSecrets(inner),
    ]),
  )
}

function redactText(text: string): string {
  return shapes.reduce((redacted, [shape, replacement]) => redacted.replace(shape, replacement), text)
}
