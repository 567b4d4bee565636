import { estimateTokenCount } from 'tokenx'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { frameTokens, promptText } from './prompt-text.ts'

/** Counts the tokens of a short text. */
export type Tokenizer = (text: string) => number

/** What counts where no endpoint can. */
export type TokenizerName = 'rules' | 'gpt-tokenizer'

/** Characters that are counted at a time: a tokenizer needs a millisecond for them. */
const pieceLength = 2_048
/** Without a space a tokenizer takes a run for one word, and its time grows with the square of the length. */
const longestWord = 256
/** Milliseconds of counting after which others have their turn. */
const turnMs = 5
/** Milliseconds of counting after which the rest is estimated by what has been counted. */
const mostCountingMs = 250

/**
 * Estimates the tokens of a chat request. Long prompts are counted in turns, so that other requests go on meanwhile.
 * @param load gives the tokenizer
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
  let turnStartedMs = performance.now()
  counting: for (const text of prompt.texts) {
    for (const piece of pieces(text)) {
      tokens += count(piece)
      countedLength += piece.length
      const turnedMs = performance.now() - turnStartedMs
      if (turnedMs < turnMs) continue
      countingMs += turnedMs
      if (countingMs > mostCountingMs) break counting
      await pause()
      turnStartedMs = performance.now()
    }
  }
  const all = countedLength === 0 ? 0 : Math.ceil((tokens * length) / countedLength)
  return Math.max(1, all + frameTokens(prompt))
}

/** A text in pieces that a tokenizer is quick with; a cut costs at most a token. */
function* pieces(text: string): Generator<string> {
  for (let at = 0; at < text.length; at += pieceLength) {
    const piece = text.slice(at, at + pieceLength)
    if (!hasLongWord.test(piece)) yield piece
    else
      for (let from = 0; from < piece.length; from += longestWord) yield piece.slice(from, from + longestWord)
  }
}

const hasLongWord = new RegExp(`\\S{${longestWord + 1}}`)

/** Rules for words, numbers, punctuation and scripts: within a fifth for prose and code, and no table in memory. */
const countByRules: Tokenizer = (text) => estimateTokenCount(text)

const vocabulary = 'gpt-tokenizer/encoding/cl100k_base'
let loading: Promise<Tokenizer> | undefined

/** Gives the tokenizer of that name; rules where its package is not installed. */
export function loadTokenizer(name: TokenizerName): Promise<Tokenizer> {
  return name === 'rules' ? Promise.resolve(countByRules) : loadVocabulary()
}

/** Whether the optional package of a tokenizer can be loaded; it is not loaded for that. */
export function isInstalled(name: TokenizerName): boolean {
  if (name === 'rules') return true
  try {
    import.meta.resolve(vocabulary)
    return true
  } catch {
    return false
  }
}

/** The vocabulary takes 0.1 s and 60 MB, so it is loaded when it is first needed. */
function loadVocabulary(): Promise<Tokenizer> {
  loading ??= import('gpt-tokenizer/encoding/cl100k_base').then(
    ({ countTokens }) =>
      (text: string) =>
        countTokens(text, plainText),
    (error: unknown) => {
      // Out of file descriptors, a later attempt may succeed; a missing package stays missing.
      const isShort = error instanceof Error && 'code' in error && /^E[MN]FILE$/.test(String(error.code))
      if (isShort) loading = undefined
      return countByRules
    },
  )
  return loading
}

/** Text that looks like a special token is text. */
const plainText = { disallowedSpecial: new Set<string>() }
