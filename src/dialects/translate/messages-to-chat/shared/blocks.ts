import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'

/** A string, a block, or a list of both, also of lists: all are blocks afterwards. */
export function contentBlocks(content: unknown): JsonObject[] {
  if (!Array.isArray(content)) return oneBlock(content)
  const blocks: JsonObject[] = []
  // Without recursion: lists stand in lists as deeply as the text has it.
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

/** The text of blocks, of any type that has some; blocks are paragraphs. */
export function joinedText(blocks: readonly JsonObject[]): string {
  return blocks
    .map((block) => textField(block, 'text') ?? '')
    .filter((text) => text !== '')
    .join('\n\n')
}
