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

/** Tokens of an answer where a request does not say how many it wants. */
export const defaultAnswerTokens = 16

/** Keeps a client that asks for the longest possible answer from getting one without end. */
const mostAnswerTokens = 100_000

/** One token of an answer: the server's name first, then words. */
export function answerToken(name: string, index: number): string {
  return index === 0 ? `[${name}]` : ` ${vocabulary[(index - 1) % vocabulary.length] ?? ''}`
}

/** All tokens of an answer as one text. */
export function answerText(name: string, count: number): string {
  return Array.from({ length: count }, (_, index) => answerToken(name, index)).join('')
}

/** Tokens of a prompt: its words; of a prompt that is tokens already, their number. */
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
  // Of a message part only what is said counts, not how it is labelled.
  return (
    wordsIn('content' in value ? value.content : undefined) +
    wordsIn('text' in value ? value.text : undefined)
  )
}

export interface AnswerLength {
  readonly tokens: number
  /** Whether the request's limit ended the answer. */
  readonly isCut: boolean
}

/**
 * How long an answer gets: as long as the first limit that is given allows, so that tests choose it.
 *
 * @throws Rejection for a limit that is no whole number
 */
export function answerLength(...limits: readonly unknown[]): AnswerLength {
  const limit = limits.find((value) => value !== undefined && value !== null)
  if (limit === undefined) return { tokens: defaultAnswerTokens, isCut: false }
  if (typeof limit !== 'number' || !Number.isInteger(limit)) {
    throw new Rejection('bad_request', 'the limit of tokens is not a whole number')
  }
  // Ollama means "until it is done" by numbers below zero.
  if (limit <= 0) return { tokens: defaultAnswerTokens, isCut: false }
  return { tokens: Math.min(limit, mostAnswerTokens), isCut: true }
}
