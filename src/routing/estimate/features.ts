import { memberSpans } from '../../kernel/json/body-members.ts'
import { type JsonSpan, quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { ContentHash, type TextBlocks } from '../affinity/content-hash.ts'
import { prefixChain } from '../affinity/prefix-chain.ts'
import type { PrefixBlocks, RequestFeatures } from '../selection/selector.ts'

const places = { tools: 0, system: 1, instructions: 2, messages: 3, prompt: 4, input: 5 } as const
const bodyPlaces = new KeyNames<number>(Object.entries(places))

/** A cache saves nothing worth mentioning of a shorter request. */
const minChainBytes = 2_048
/** Prompts without messages are matched in blocks of this size. */
const blockBytes = 512
/** Shorter texts are no encoded media. */
const mediaBytes = 4_096
const stepBytes = 2_048
const probeBytes = 100
const none: readonly number[] = []
const noFeatures: RequestFeatures = {
  promptBytes: 0,
  media: 0,
  keys: none,
  sizes: none,
  headDepth: 0,
  hasHead: false,
}

interface MediaSpan {
  readonly start: number
  readonly bytes: number
}

/** Reads what the estimates need of a request: the size of its prompt, and hashes of its prefixes. */
export class FeatureReader {
  readonly #hash = new ContentHash()

  /** @param body undefined if it is not in memory */
  read(body: Buffer | undefined, path: string, model: string | undefined): RequestFeatures {
    if (body === undefined || body.length === 0) return noFeatures
    if (body.length < minChainBytes) return { ...noFeatures, promptBytes: body.length }
    const media = body.length < mediaBytes ? noMedia : mediaIn(body)
    const spans = memberSpans(body, bodyPlaces)
    if (spans === undefined) return { ...noFeatures, promptBytes: body.length }
    const [tools, system, instructions, listed, prompt, input] = spans
    // The input of embeddings cannot be continued.
    const messages = listed ?? (path.endsWith('/responses') ? input : undefined)
    const text = messages ?? prompt ?? input
    let headBytes = 0
    for (const span of [tools, system, instructions])
      if (span !== undefined) headBytes += span.end - span.start
    const promptBytes =
      headBytes + (text === undefined ? 0 : text.end - text.start - mediaWithin(media, text.start, text.end))
    const ends: number[] = []
    const found: TextBlocks = { keys: [], ends: [] }
    const hash = this.#hash
      .restart()
      .text('prefix_hash')
      .text(model?.toLowerCase() ?? '')
    const chain = prefixChain(
      body,
      { tools, system, instructions, messages, prompt: messages === undefined ? prompt : undefined },
      hash,
      blockBytes,
      ends,
      found,
    )
    if (chain === undefined || text === undefined) {
      return { ...noFeatures, promptBytes: promptBytes || body.length, media: media.length }
    }
    const sizes = sizesOf(ends, headBytes, text.start, media)
    const { keys, headDepth, hasHead } = chain
    const blocks =
      found.keys.length === 0 ? undefined : blocksOf(found, [tools, system, instructions, text], media)
    return { promptBytes, media: media.length, keys, sizes, headDepth, hasHead, blocks }
  }
}

const noMedia: readonly MediaSpan[] = []

/** Long runs of base64, in whatever dialect. Looks at some bytes of each part of the body only. */
function mediaIn(body: Buffer): readonly MediaSpan[] {
  let found: MediaSpan[] | undefined
  for (let at = stepBytes; at < body.length; at += stepBytes) {
    if (!isBase64(body, at)) continue
    const start = body.lastIndexOf(quote, at)
    const end = body.indexOf(quote, at)
    if (start < 0 || end < 0) break
    if (end - start > mediaBytes) {
      found ??= []
      found.push({ start, bytes: end - start - 1 })
    }
    at = end
  }
  return found ?? noMedia
}

/** Whether no byte is outside the alphabet: texts have a space in so many bytes, or characters of other scripts. */
function isBase64(body: Buffer, from: number): boolean {
  const to = Math.min(from + probeBytes, body.length)
  for (let at = from; at < to; at++) {
    const byte = body[at] ?? 0
    const isLetter = (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a)
    if (!isLetter && !(byte >= 0x2f && byte <= 0x39) && byte !== 0x2b && byte !== 0x2d && byte !== 0x5f)
      return false
  }
  return true
}

/** Bytes of each prefix, without media. @param ends as `prefixChain` reports them */
function sizesOf(
  ends: readonly number[],
  headBytes: number,
  textStart: number,
  media: readonly MediaSpan[],
): number[] {
  let next = 0
  let skipped = 0
  return ends.map((end, depth) => {
    if (depth === 0) return headBytes
    for (let each = media[next]; each !== undefined && each.start < end; each = media[++next])
      if (each.start >= textStart) skipped += each.bytes
    return headBytes + end - textStart - skipped
  })
}

/** Sizes of the blocks, without those that end in media. @param spans parts of the prompt, in its order */
function blocksOf(
  { keys, ends }: TextBlocks,
  spans: readonly (JsonSpan | undefined)[],
  media: readonly MediaSpan[],
): PrefixBlocks {
  const kept: { keys: number[]; sizes: number[] } = { keys: [], sizes: [] }
  for (const [at, key] of keys.entries()) {
    const end = ends[at] ?? 0
    if (media.some(({ start, bytes }) => start < end && end <= start + bytes)) continue
    let size = 0
    for (const span of spans) {
      if (span === undefined) continue
      const isLast = span.start <= end && end <= span.end
      const until = isLast ? end : span.end
      size += until - span.start - mediaWithin(media, span.start, until)
      if (isLast) break
    }
    kept.keys.push(key)
    kept.sizes.push(size)
  }
  return kept
}

function mediaWithin(media: readonly MediaSpan[], start: number, end: number): number {
  let bytes = 0
  for (const each of media) if (each.start >= start && each.start < end) bytes += each.bytes
  return bytes
}
