import { memberSpans } from '../../kernel/json/body-members.ts'
import {
  closeBracket,
  comma,
  decodeString,
  type JsonSpan,
  openBracket,
  quote,
  skipSpace,
} from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import type { ContentHash } from './content-hash.ts'

/**
 * A prompt as hashes of its beginnings. `keys[0]` stands for what precedes the first message (model, tools,
 * `system`), `keys[n]` for that and the first n messages: a conversation that has grown still has the keys of
 * its earlier turns.
 */
export interface PrefixChain {
  readonly keys: readonly number[]
  /** How many messages at the beginning only set the scene (`system`, `developer`). */
  readonly headDepth: number
  /** Whether anything precedes what the user says; many conversations may begin with the same. */
  readonly hasHead: boolean
}

/** Where a prompt stands in a request body. */
export interface PromptSpans {
  readonly tools?: JsonSpan | undefined
  /** Anthropic's and Ollama's `system`. */
  readonly system?: JsonSpan | undefined
  /** The Responses API's `system`. */
  readonly instructions?: JsonSpan | undefined
  /** `messages`, or the Responses API's `input`: a list, or one text. */
  readonly messages?: JsonSpan | undefined
  /** A prompt without turns: a text, or a list of tokens. */
  readonly prompt?: JsonSpan | undefined
}

/**
 * The order of the keys in the body does not matter, nor does what `ContentHash` passes over.
 * @param hash what the chain begins with: the model
 * @param blockBytes size of the blocks that a prompt without turns is cut into
 * @returns undefined where the body holds no prompt that could be continued
 */
export function prefixChain(
  body: Buffer,
  { tools, system, instructions, messages, prompt }: PromptSpans,
  hash: ContentHash,
  blockBytes: number,
): PrefixChain | undefined {
  // Tools go in as they are written: they are long, and a client writes them the same way each time.
  if (tools !== undefined) hash.text('tools').bytes(body, tools.start, tools.end)
  if (system !== undefined && hash.text('system').json(body, system.start) < 0) return undefined
  if (instructions !== undefined && hash.text('instructions').json(body, instructions.start) < 0) {
    return undefined
  }
  const keys = [hash.key()]
  let headDepth = 0
  if (messages !== undefined && body[messages.start] === openBracket) {
    headDepth = addMessages(body, messages.start, hash, keys)
  } else if (messages !== undefined && body[messages.start] === quote) {
    hash.json(body, messages.start)
    keys.push(hash.key())
  } else if (prompt !== undefined) {
    addBlocks(body, prompt, hash, keys, blockBytes)
  }
  if (keys.length === 1) return undefined
  const hasHead = headDepth > 0 || tools !== undefined || system !== undefined || instructions !== undefined
  return { keys, headDepth, hasHead }
}

/** Messages or blocks that are followed; what comes behind them does not count. A body must not decide on more. */
const longestChain = 8_192

/** @returns how many of the messages belong to the head */
function addMessages(body: Buffer, from: number, hash: ContentHash, keys: number[]): number {
  let headDepth = 0
  let isHead = true
  let at = skipSpace(body, from + 1)
  while (body[at] !== closeBracket && keys.length <= longestChain) {
    const start = at
    at = hash.json(body, at)
    if (at < 0) break
    keys.push(hash.key())
    if (isHead && setsScene(body.subarray(start, at))) headDepth++
    else isHead = false
    at = skipSpace(body, at)
    if (body[at] !== comma) break
    at = skipSpace(body, at + 1)
  }
  return headDepth
}

const roleName = new KeyNames<number>([['role', 0]])

function setsScene(message: Buffer): boolean {
  const span = memberSpans(message, roleName)?.[0]
  if (span === undefined) return false
  const role = decodeString(message, span.start, span.end)
  return role === 'system' || role === 'developer'
}

/** Whole blocks only: what a text ends with is not at a block's edge once it has grown. */
function addBlocks(
  body: Buffer,
  { start, end }: JsonSpan,
  hash: ContentHash,
  keys: number[],
  blockBytes: number,
): void {
  hash.text('prompt')
  for (let at = start + 1; at + blockBytes < end && keys.length <= longestChain; at += blockBytes) {
    keys.push(hash.bytes(body, at, at + blockBytes).key())
  }
}
