/** Words of the simulated answers; each counts as one token. */
const vocabulary = [
  'the',
  'quick',
  'brown',
  'llama',
  'walks',
  'over',
  'seven',
  'green',
  'hills',
  'and',
  'rests',
]

/** Tokens of an answer: the server's name first, then words, so many in all. */
export function answerTokens(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    index === 0 ? `[${name}]` : ` ${vocabulary[(index - 1) % vocabulary.length] ?? ''}`,
  )
}

/** Tokens of a prompt: its words. */
export function countTokens(...texts: readonly unknown[]): number {
  let count = 0
  for (const text of texts) count += wordsIn(text)
  return count
}

function wordsIn(value: unknown): number {
  if (typeof value === 'string') return value.split(/\s+/).filter((word) => word !== '').length
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + wordsIn(item), 0)
  if (typeof value !== 'object' || value === null) return 0
  // Of a message part only what is said counts, not how it is labelled.
  const { content, text } = value as { content?: unknown; text?: unknown }
  return wordsIn(content) + wordsIn(text)
}

export const defaultAnswerTokens = 16

/** How many tokens a request asks for. */
export function wantedTokens(...limits: readonly unknown[]): number {
  const limit = limits.find((value) => typeof value === 'number' && value > 0)
  return typeof limit === 'number' ? Math.min(limit, 100_000) : defaultAnswerTokens
}
