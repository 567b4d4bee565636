import { Rejection } from './rejections.ts'

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

/** Tokens of an answer if the request sets no limit. */
export const defaultAnswerTokens = 16

/** Bounds the answer to a client that requests the longest possible one. */
const maxAnswerTokens = 100_000

/** One token of an answer: the server's name first, then words. */
export function answerToken(name: string, index: number): string {
  return index === 0 ? `[${name}]` : ` ${vocabulary[(index - 1) % vocabulary.length] ?? ''}`
}

/** All tokens of an answer as one text. */
export function answerText(name: string, count: number): string {
  return Array.from({ length: count }, (_, index) => answerToken(name, index)).join('')
}

/** Tokens of a prompt: its words, or the number of tokens if it is tokenized already. */
export function countTokens(...prompts: readonly unknown[]): number {
  let count = 0
  for (const prompt of prompts) count += wordsIn(prompt)
  return count
}

function wordsIn(value: unknown): number {
  if (typeof value === 'string') return value.match(/\S+/g)?.length ?? 0
  if (typeof value === 'number') return 1
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + wordsIn(item), 0)
  if (typeof value !== 'object' || value === null) return 0
  // Only the content of a message part counts, not its labels.
  return (
    wordsIn('content' in value ? value.content : undefined) +
    wordsIn('text' in value ? value.text : undefined)
  )
}

export interface AnswerLength {
  readonly tokens: number
  /** Whether the request's limit truncated the answer. */
  readonly isCut: boolean
}

/**
 * Length of an answer: the first given limit, so that tests choose it.
 *
 * @throws Rejection if a limit is not an integer
 */
export function answerLength(...limits: readonly unknown[]): AnswerLength {
  const limit = limits.find((value) => value !== undefined && value !== null)
  if (limit === undefined) return { tokens: defaultAnswerTokens, isCut: false }
  if (typeof limit !== 'number' || !Number.isInteger(limit)) {
    throw new Rejection('bad_request', 'the limit of tokens is not a whole number')
  }
  // In Ollama, a negative number means "until the model stops".
  if (limit <= 0) return { tokens: defaultAnswerTokens, isCut: false }
  return { tokens: Math.min(limit, maxAnswerTokens), isCut: true }
}
