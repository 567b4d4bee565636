import { isObject, type JsonObject, textField } from './json-fields.ts'

/** A string, a block, or a list of both: all are blocks afterwards. */
export function contentBlocks(content: unknown): JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }]
  if (isObject(content)) return [content]
  return Array.isArray(content) ? content.flatMap((each: unknown) => contentBlocks(each)) : []
}

/** The text of blocks, of any type that has some; blocks are paragraphs. */
export function joinedText(blocks: readonly JsonObject[]): string {
  return blocks
    .map((block) => textField(block, 'text') ?? '')
    .filter((text) => text !== '')
    .join('\n\n')
}
