import fc from 'fast-check'
import type { AnswerEnding, AnswerWriter, BlockHead } from '../../../src/dialects/hub/contract/answer.ts'

/** A block of a random answer. */
export type RandomBlock = { readonly kind: 'text' | 'thinking' | 'call'; readonly parts: readonly string[] }

/** Adjacent blocks of one kind become one, except calls. */
export function distinct(list: readonly RandomBlock[]): RandomBlock[] {
  return list.filter(({ kind }, at) => kind === 'call' || kind !== list[at - 1]?.kind)
}

/** Blocks whose edges no reader trims. */
const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).map((text) => `a${text}b`)
const texts = fc.array(word, { minLength: 1, maxLength: 4 })
export const blockLists: fc.Arbitrary<RandomBlock[]> = fc.array(
  fc.oneof(
    texts.map((parts) => ({ kind: 'text' as const, parts })),
    texts.map((parts) => ({ kind: 'thinking' as const, parts })),
    fc.json({ maxDepth: 2 }).map((value) => ({ kind: 'call' as const, parts: [`{"a":`, `${value}}`] })),
  ),
  { maxLength: 8 },
)

export const endings: fc.Arbitrary<AnswerEnding> = fc
  .record({
    reason: fc.constantFrom('end' as const, 'length' as const, 'filtered' as const, 'context_full' as const),
    cachedTokens: fc.nat(50),
    cacheWriteTokens: fc.nat(50),
    rest: fc.integer({ min: 1, max: 1000 }),
    completionTokens: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ reason, cachedTokens, cacheWriteTokens, rest, completionTokens }) => ({
    reason,
    stopSequence: null,
    usage: {
      promptTokens: cachedTokens + cacheWriteTokens + rest,
      cachedTokens,
      cacheWriteTokens,
      completionTokens,
      reasoningTokens: undefined,
    },
    timings: undefined,
  }))

export function writeAnswer(
  writer: AnswerWriter,
  list: readonly RandomBlock[],
  ending: AnswerEnding,
): string {
  let out = ''
  writer.start({ id: 'msg_1', model: 'm', usage: { ...ending.usage, completionTokens: 0 } })
  list.forEach(({ kind, parts }, index) => {
    const head: BlockHead = kind === 'call' ? { kind, id: `call_${index}`, name: `tool_${index}` } : { kind }
    writer.open(index, head)
    for (const part of parts) writer.append(index, kind, part)
    if (kind === 'thinking') writer.sign(`sig_${index}`)
    writer.close(index, kind)
    out += writer.take()
  })
  writer.finish(ending)
  return out + writer.take()
}
