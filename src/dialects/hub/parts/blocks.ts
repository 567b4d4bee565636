import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'

/** Converts a string, a block, or a possibly nested list of both to blocks. */
export function contentBlocks(content: unknown): JsonObject[] {
  if (!Array.isArray(content)) return oneBlock(content)
  const blocks: JsonObject[] = []
  // Iterative, because lists may be nested as deeply as the JSON parser permits.
  const lists: { readonly items: readonly unknown[]; at: number }[] = [{ items: content, at: 0 }]
  for (let list = lists.at(-1); list !== undefined; list = lists.at(-1)) {
    const item = list.items[list.at]
    if (list.at++ >= list.items.length) lists.pop()
    else if (Array.isArray(item)) lists.push({ items: item, at: 0 })
    else blocks.push(...oneBlock(item))
  }
  return blocks
}

function oneBlock(content: unknown): JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  return isObject(content) ? [content] : []
}

/** The text of all blocks that have some, joined as paragraphs. */
export function joinedText(blocks: readonly JsonObject[]): string {
  return blocks
    .map((block) => textField(block, 'text') ?? '')
    .filter((text) => text !== '')
    .join('\n\n')
}
