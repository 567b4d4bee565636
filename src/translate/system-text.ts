import { contentBlocks } from './blocks.ts'
import { textField } from './json-fields.ts'

/**
 * The system prompt as one text.
 * @param system string or blocks
 * @param preface system messages that stood before the conversation
 */
export function systemText(system: unknown, preface: readonly string[]): string {
  const paragraphs = contentBlocks(system).map((block) => withoutBillingLine(textField(block, 'text') ?? ''))
  return [...paragraphs, ...preface].filter((text) => text !== '').join('\n\n')
}

/**
 * Claude Code opens its prompt with a line that is other in every request and says nothing to a model: it
 * would keep every endpoint from using its prompt cache.
 */
export function withoutBillingLine(text: string): string {
  return text.startsWith('x-anthropic-billing-header:') ? text.replace(/^[^\n]*\n*/, '') : text
}
