import {
  countTokens,
  type Tokenizer,
} from '../../dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { isObject } from '../../kernel/json/json-fields.ts'
import { textSize } from '../../kernel/json/text-size.ts'

/** Of an image, whatever its size. */
const tokensPerImage = 1_600
/** Of a message: its role, and what the template puts around it. */
const tokensPerMessage = 4
/** A larger body is estimated by its size alone, and a longer text by its beginning. */
const maxParsedBytes = 65_536
const maxCountedLength = 16_384
const bytesPerToken = 3
const maxDepth = 12

/**
 * The tokens of a request by its JSON.
 * @param tokensPerByte as far as it is known; 0 counts with the tokenizer
 */
export function bodyTokens(body: Buffer, tokensPerByte: number, tokenizer: Tokenizer): number {
  const { bytes, images } = textSize(body)
  const ofImages = images * tokensPerImage
  if (tokensPerByte > 0) return Math.ceil(bytes * tokensPerByte) + ofImages
  const counted = body.length <= maxParsedBytes ? countedTokens(body, tokenizer) : undefined
  return (counted ?? Math.ceil(bytes / bytesPerToken)) + ofImages
}

/** Members that no model reads. */
const unread: ReadonlySet<string> = new Set([
  'model',
  'role',
  'type',
  'id',
  'user',
  'metadata',
  'stop',
  'url',
])

function countedTokens(body: Buffer, tokenizer: Tokenizer): number | undefined {
  const texts: string[] = []
  let messages = 0
  const collect = (value: unknown, depth: number): void => {
    if (typeof value === 'string') texts.push(value)
    else if (depth > maxDepth) return
    else if (Array.isArray(value)) for (const each of value) collect(each, depth + 1)
    else if (isObject(value)) {
      if (value.role !== undefined) messages++
      for (const [name, each] of Object.entries(value)) if (!unread.has(name)) collect(each, depth + 1)
    }
  }
  try {
    collect(JSON.parse(body.toString('utf8')), 0)
  } catch {
    return undefined
  }
  const text = texts.join('\n')
  const sample = text.slice(0, maxCountedLength)
  const tokens = countTokens(sample, tokenizer)
  return Math.ceil((tokens * text.length) / Math.max(1, sample.length)) + messages * tokensPerMessage + 3
}
