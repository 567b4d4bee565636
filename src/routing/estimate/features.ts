import { memberSpans } from '../../kernel/json/body-members.ts'
import { quote } from '../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../kernel/json/key-names.ts'
import { ContentHash } from '../affinity/content-hash.ts'
import { prefixChain } from '../affinity/prefix-chain.ts'
import type { RequestFeatures } from '../selection/selector.ts'

const places = { tools: 0, system: 1, instructions: 2, messages: 3, prompt: 4, input: 5 } as const
const bodyPlaces = new KeyNames<number>(Object.entries(places))

/** Prompts without messages are matched in blocks of this size. */
const blockBytes = 512
/** Shorter texts are no encoded media. */
const mediaBytes = 4_096
/** In so many bytes of a text there is a space. */
const probeBytes = 512
const space = 0x20
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
    )
    if (chain === undefined || text === undefined) {
      return { ...noFeatures, promptBytes: promptBytes || body.length, media: media.length }
    }
    const sizes = ends.map((end, depth) =>
      depth === 0 ? headBytes : headBytes + end - text.start - mediaWithin(media, text.start, end),
    )
    const { keys, headDepth, hasHead } = chain
    return { promptBytes, media: media.length, keys, sizes, headDepth, hasHead }
  }
}

const noMedia: readonly MediaSpan[] = []

/** Long texts without spaces: base64, in whatever dialect. */
function mediaIn(body: Buffer): readonly MediaSpan[] {
  let found: MediaSpan[] | undefined
  let start = body.indexOf(quote)
  while (start >= 0) {
    const end = body.indexOf(quote, start + 1)
    if (end < 0) break
    const bytes = end - start - 1
    if (bytes >= mediaBytes) {
      const at = body.indexOf(space, start + 1)
      if (at < 0 || at > start + probeBytes) {
        found ??= []
        found.push({ start, bytes })
      }
    }
    start = end
  }
  return found ?? noMedia
}

function mediaWithin(media: readonly MediaSpan[], start: number, end: number): number {
  let bytes = 0
  for (const each of media) if (each.start >= start && each.start < end) bytes += each.bytes
  return bytes
}
