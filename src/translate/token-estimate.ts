import type { JsonObject } from './json-fields.ts'
import { frameTokens, promptText, roughTokens } from './prompt-text.ts'

/** Counts the tokens of a short text. */
export type Tokenizer = (text: string) => number

/** Characters that are counted at a time: a tokenizer needs a millisecond for them. */
const pieceLength = 2_048
/** Without a space a tokenizer takes a run for one word, and its time grows with the square of the length. */
const longestWord = 256
/** Milliseconds of counting after which others have their turn. */
const turnMs = 5
/** Milliseconds of counting after which the rest is estimated by what has been counted. */
const mostCountingMs = 250

/**
 * Estimates the tokens of a chat request with the tokenizer of another model: right within some percent, since most
 * vocabularies cut text alike. Long prompts are counted in turns, so that streams beside it go on.
 * @param load gives the tokenizer; undefined where none is installed
 * @param pause lets others go first
 */
export async function estimateTokens(
  chat: JsonObject,
  load: () => Promise<Tokenizer | undefined>,
  pause: () => Promise<void>,
): Promise<number> {
  const count = await load()
  if (count === undefined) return Math.max(1, roughTokens(chat))
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

let loading: Promise<Tokenizer | undefined> | undefined

/** The tokenizer of an optional package, read once it is first needed: it takes 0.1 s and 60 MB. */
export function loadTokenizer(): Promise<Tokenizer | undefined> {
  loading ??= import('gpt-tokenizer/encoding/cl100k_base').then(
    ({ countTokens }) =>
      (text: string) =>
        countTokens(text, plainText),
    (error: unknown) => {
      // Without a descriptor for its files it may be read later; a package that is not there is not looked for again.
      const isShort = error instanceof Error && 'code' in error && /^E[MN]FILE$/.test(String(error.code))
      if (isShort) loading = undefined
      return undefined
    },
  )
  return loading
}

/** Text that looks like a special token is text. */
const plainText = { disallowedSpecial: new Set<string>() }
