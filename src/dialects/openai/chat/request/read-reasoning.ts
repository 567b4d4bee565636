import { isObject, type JsonObject, listField, textField } from '../../../../kernel/json/json-fields.ts'
import type { ThinkingPart } from '../../../hub/contract/conversation.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'

/**
 * The thinking that a client returns with an assistant message. Clients return what they have received: text in
 * `reasoning_content` or `reasoning`, or with its signature in OpenRouter's `reasoning_details` or LiteLLM's
 * `thinking_blocks`, which then contain the same text.
 */
export function readReasoning(message: JsonObject): ThinkingPart[] {
  const signed = signedParts(message)
  const text =
    textField(message, 'reasoning_content') ||
    textField(message, 'reasoning') ||
    textField(message, 'thinking') ||
    ''
  if (signed.some((part) => part.text !== '')) return signed
  if (text === '') return signed
  const [first, ...others] = signed
  return [{ kind: 'thinking', text, signature: first?.signature }, ...others]
}

/** A block of thinking in the content, as Mistral's and Anthropic's APIs have it. */
export function thinkingBlock(block: JsonObject): ThinkingPart | undefined {
  const text = contentBlocks(block.thinking ?? block.text)
    .map((each) => textField(each, 'text') ?? '')
    .join('')
  const signature = textField(block, 'signature') || undefined
  return text === '' && signature === undefined ? undefined : { kind: 'thinking', text, signature }
}

function signedParts(message: JsonObject): ThinkingPart[] {
  const blocks = listField(message, 'thinking_blocks').filter(isObject).map(thinkingBlock)
  const found = blocks.filter((part) => part !== undefined)
  return found.length > 0 ? found : detailParts(listField(message, 'reasoning_details').filter(isObject))
}

/** A client that only collects the deltas of a stream returns one entry for each, all with the index of their block. */
function detailParts(details: readonly JsonObject[]): ThinkingPart[] {
  const parts: { text: string; signature: string | undefined; index: unknown }[] = []
  for (const detail of details) {
    const text = textField(detail, 'text') ?? textField(detail, 'summary') ?? ''
    const signature = textField(detail, 'signature') || textField(detail, 'data') || undefined
    const last = parts.at(-1)
    if (last !== undefined && typeof detail.index === 'number' && last.index === detail.index) {
      last.text += text
      last.signature = signature ?? last.signature
    } else if (text !== '' || signature !== undefined) parts.push({ text, signature, index: detail.index })
  }
  return parts.map(({ text, signature }) => ({ kind: 'thinking', text, signature }))
}
