import { BodyMembers } from '../../kernel/json/body-members.ts'
import {
  closeBracket,
  comma,
  type JsonSpan,
  openBracket,
  quote,
  skipSpace,
  skipString,
} from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { blockGrowth, type ContentHash, type TextBlocks } from './content-hash.ts'

/**
 * A prompt as hashes of its prefixes. `keys[0]` covers what precedes the first message (model, tools, `system`),
 * `keys[n]` adds the first n messages, so a longer conversation still has the keys of its earlier turns.
 */
export interface PrefixChain {
  readonly keys: readonly number[]
  /** Number of leading `system` and `developer` messages. */
  readonly headDepth: number
  /** Whether anything precedes the user's first message; many conversations may share it. */
  readonly hasHead: boolean
}

/** Byte ranges of a prompt in a request body. */
export interface PromptSpans {
  readonly tools?: JsonSpan | undefined
  /** Anthropic's and Ollama's `system`. */
  readonly system?: JsonSpan | undefined
  /** The Responses API's `system`. */
  readonly instructions?: JsonSpan | undefined
  /** `messages`, or the Responses API's `input`: a list or one text. */
  readonly messages?: JsonSpan | undefined
  /** A prompt without turns: a text or a list of tokens. */
  readonly prompt?: JsonSpan | undefined
}

/**
 * Ignores the order of keys in the body and what `ContentHash` ignores.
 * @param hash start of the chain: the model
 * @param blockBytes block size for a prompt without turns
 * @param ends receives the offset in the body where each prefix ends; the first is 0
 * @param blocks receives the blocks of the head and of the first message after it, or some of a prompt without turns
 * @returns undefined if the body has no prompt that a later request can continue
 */
export function prefixChain(
  body: Buffer,
  { tools, system, instructions, messages, prompt }: PromptSpans,
  hash: ContentHash,
  blockBytes: number,
  ends?: number[],
  blocks?: TextBlocks,
): PrefixChain | undefined {
  hash.collect(blocks)
  // Tools are hashed as raw bytes: they are long, and a client serializes them the same way each time.
  if (tools !== undefined) hash.text('tools').bytes(body, tools.start, tools.end)
  if (system !== undefined && hash.text('system').json(body, system.start) < 0) return undefined
  if (instructions !== undefined && hash.text('instructions').json(body, instructions.start) < 0) {
    return undefined
  }
  const keys = [hash.key()]
  ends?.push(0)
  let headDepth = 0
  if (messages !== undefined && body[messages.start] === openBracket) {
    headDepth = addMessages(body, messages.start, hash, keys, ends)
  } else if (messages !== undefined && body[messages.start] === quote) {
    hash.json(body, messages.start)
    keys.push(hash.key())
    ends?.push(messages.end)
  } else if (prompt !== undefined) {
    hash.collect(undefined)
    addBlocks(body, prompt, hash, keys, blockBytes, ends, blocks)
  }
  hash.collect(undefined)
  if (keys.length === 1) return undefined
  const hasHead = headDepth > 0 || tools !== undefined || system !== undefined || instructions !== undefined
  return { keys, headDepth, hasHead }
}

/** Maximum messages or blocks; the rest of a longer prompt is ignored. */
const maxChainLength = 8_192

/** @returns how many of the messages belong to the head */
function addMessages(
  body: Buffer,
  from: number,
  hash: ContentHash,
  keys: number[],
  ends: number[] | undefined,
): number {
  let headDepth = 0
  let isHead = true
  let at = skipSpace(body, from + 1)
  while (body[at] !== closeBracket && keys.length <= maxChainLength) {
    const start = at
    at = hash.json(body, at)
    if (at < 0) break
    keys.push(hash.key())
    ends?.push(at)
    if (isHead && setsScene(body, start)) headDepth++
    else {
      if (isHead) hash.collect(undefined)
      isHead = false
    }
    at = skipSpace(body, at)
    if (body[at] !== comma) break
    at = skipSpace(body, at + 1)
  }
  return headDepth
}

const roleName = new KeyNames([['role', true]])
const sceneRoles = new KeyNames([
  ['system', true],
  ['developer', true],
])

/** Reads no further than the role, which clients write first. */
function setsScene(body: Buffer, start: number): boolean {
  const members = new BodyMembers(body, start)
  while (members.nextKey()) {
    if (members.find(roleName) === undefined) {
      if (!members.passValue()) return false
      continue
    }
    const end = body[members.start] === quote ? skipString(body, members.start) : -1
    return end > 0 && sceneRoles.of(body, members.start, end) === true
  }
  return false
}

/** Adds whole blocks only: the end of a text is no block boundary once the text has grown. */
function addBlocks(
  body: Buffer,
  { start, end }: JsonSpan,
  hash: ContentHash,
  keys: number[],
  blockBytes: number,
  ends: number[] | undefined,
  blocks: TextBlocks | undefined,
): void {
  hash.text('prompt')
  let next = 1
  for (let at = start + 1; at + blockBytes < end && keys.length <= maxChainLength; at += blockBytes) {
    const key = hash.bytes(body, at, at + blockBytes).key()
    keys.push(key)
    ends?.push(at + blockBytes)
    if (blocks === undefined || keys.length <= next) continue
    blocks.keys.push(key)
    blocks.ends.push(at + blockBytes)
    next = Math.ceil(next * blockGrowth)
  }
}
