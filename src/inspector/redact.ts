const hidden = '[redacted]'

/** The value of a key whose name says that it is a secret, in JSON or in JSON that stands inside a string. */
const secretValue =
  /((?:\\*")[\w-]*(?:api[_-]?key|authorization|password|passwd|secret|credential|cookie|private[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token)[\w-]*(?:\\*")\s*:\s*(\\*"))(?:(?!\2).)*/gi

/** Secrets that are known by their shape wherever they stand. */
const shapes: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${hidden}`],
  [/\bsk-[\w-]{16,}/g, hidden],
  [/\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{20,}|xox[abprs]-[\w-]{10,})/g, hidden],
  [/\bA(?:KIA|SIA)[A-Z0-9]{16}\b/g, hidden],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g, hidden],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gs, hidden],
]

/** Hides what looks like a secret. It errs on the side of hiding too much; what has no such shape it cannot know. */
export function redactSecrets(text: string): string {
  const valued = text.replace(secretValue, (_match, key: string) => `${key}${hidden}`)
  return shapes.reduce((redacted, [shape, replacement]) => redacted.replace(shape, replacement), valued)
}
