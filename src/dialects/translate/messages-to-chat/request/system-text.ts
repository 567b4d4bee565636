import { textField } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks } from '../shared/blocks.ts'

/**
 * The system prompt as one text.
 * @param system string or blocks
 * @param preface system messages that stood before the conversation
 */
export function systemText(system: unknown, preface: readonly string[]): string {
  const paragraphs = contentBlocks(system).map((block) => withoutBillingLine(textField(block, 'text') ?? ''))
  return [...paragraphs, ...preface].filter((text) => text !== '').join('\n\n')
}

/** The header and its `key=value;` pairs; the prompt itself may follow on the same line. */
const billingLine = /^x-anthropic-billing-header:(?:[ \t]*[\w.-]+=[^;\n]*(?:;|(?=\n)|$))*\s*/

/**
 * Claude Code opens its prompt with a line that is other in every request and says nothing to a model: it
 * would keep every endpoint from using its prompt cache.
 */
export function withoutBillingLine(text: string): string {
  return text.replace(billingLine, '')
}
