import { estimateTokenCount } from 'tokenx'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { frameTokens, promptText } from './prompt-text.ts'

/** Counts the tokens of a short text. */
export type Tokenizer = (text: string) => number

/** What counts tokens if no endpoint can. */
export type TokenizerName = 'rules' | 'gpt-tokenizer'

/** Characters that are counted at a time, in about a millisecond. */
const pieceLength = 2_048
/** Without a space, a tokenizer treats a run as one word, in time that grows with the square of its length. */
const maxWordLength = 256
/** Milliseconds of counting before other work runs. */
const sliceMs = 5
/** Milliseconds of counting after which the rest is extrapolated. */
const maxCountingMs = 250

/**
 * Estimates the tokens of a chat request. Long prompts are counted in slices, so that other requests proceed meanwhile.
 * @param load returns the tokenizer
 * @param pause lets other work run first
 */
export async function estimateTokens(
  chat: JsonObject,
  load: () => Promise<Tokenizer>,
  pause: () => Promise<void>,
): Promise<number> {
  const count = await load()
  const prompt = promptText(chat)
  let tokens = 0
  let countedLength = 0
  let length = 0
  for (const text of prompt.texts) length += text.length
  let countingMs = 0
  let sliceStartedMs = performance.now()
  counting: for (const text of prompt.texts) {
    for (const piece of pieces(text)) {
      tokens += count(piece)
      countedLength += piece.length
      const elapsedMs = performance.now() - sliceStartedMs
      if (elapsedMs < sliceMs) continue
      countingMs += elapsedMs
      if (countingMs > maxCountingMs) break counting
      await pause()
      sliceStartedMs = performance.now()
    }
  }
  const all = countedLength === 0 ? 0 : Math.ceil((tokens * length) / countedLength)
  return Math.max(1, all + frameTokens(prompt))
}

/** Counts the tokens of a text of bounded length at once. */
export function countTokens(text: string, count: Tokenizer): number {
  let tokens = 0
  for (const piece of pieces(text)) tokens += count(piece)
  return tokens
}

/** Splits a text into pieces that a tokenizer handles quickly. Each cut adds at most one token. */
function* pieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += pieceLength) {
    const piece = text.slice(at, at + pieceLength)
    if (!hasLongWord.test(piece)) yield piece
    else
      for (let from = 0; from < piece.length; from += maxWordLength)
        yield piece.slice(from, from + maxWordLength)
  }
}

const hasLongWord = new RegExp(`\\S{${maxWordLength + 1}}`)

/** Rules for words, numbers, punctuation and scripts: within a fifth for prose and code, without a table in memory. */
const countByRules: Tokenizer = (text) => estimateTokenCount(text)

const vocabulary = 'gpt-tokenizer/encoding/cl100k_base'
let loading: Promise<Tokenizer> | undefined

/** Returns the tokenizer with that name, or the rules if its package is not installed. */
export function loadTokenizer(name: TokenizerName): Promise<Tokenizer> {
  return name === 'rules' ? Promise.resolve(countByRules) : loadVocabulary()
}

/** Whether a tokenizer's optional package can be loaded. Does not load it. */
export function isInstalled(name: TokenizerName): boolean {
  if (name === 'rules') return true
  try {
    import.meta.resolve(vocabulary)
    return true
  } catch {
    return false
  }
}

/** The vocabulary takes 0.1 s and 60 MB, so it is loaded on first use. */
function loadVocabulary(): Promise<Tokenizer> {
  loading ??= import('gpt-tokenizer/encoding/cl100k_base').then(
    ({ countTokens }) =>
      (text: string) =>
        countTokens(text, plainText),
    (error: unknown) => {
      // If file descriptors were exhausted, a later attempt may succeed; a missing package stays missing.
      const isShort = error instanceof Error && 'code' in error && /^E[MN]FILE$/.test(String(error.code))
      if (isShort) loading = undefined
      return countByRules
    },
  )
  return loading
}

/** Treats text that looks like a special token as text. */
const plainText = { disallowedSpecial: new Set<string>() }
