/** What `JSON.parse` hands to a reviver beside key and value; TypeScript does not know it yet. */
interface SourceContext {
  readonly source?: string
}

/** In the language since ES2026, in Node since 21; TypeScript does not know it yet. */
declare global {
  interface JSON {
    rawJSON(text: string): object
  }
}

const longInteger = /[0-9]{16}/

/**
 * Parses JSON so that writing it again gives every integer as it was: one beyond 2^53 becomes an object that
 * `JSON.stringify` writes verbatim. Texts without long digit runs, nearly all, pay nothing for it.
 * @throws SyntaxError
 */
export function parseLossless(text: string): unknown {
  if (!longInteger.test(text)) return JSON.parse(text)
  return JSON.parse(text, function keep(_key: string, value: unknown, context?: SourceContext): unknown {
    const source = context?.source
    return typeof value === 'number' &&
      source !== undefined &&
      /^-?\d+$/.test(source) &&
      String(value) !== source
      ? JSON.rawJSON(source)
      : value
  })
}
