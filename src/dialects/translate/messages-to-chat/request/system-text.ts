import { textField } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'

/**
 * Joins the system prompt to one text.
 * @param system string or blocks
 * @param preface system messages before the conversation
 */
export function systemText(system: unknown, preface: readonly string[]): string {
  const paragraphs = contentBlocks(system).map((block) => withoutBillingLine(textField(block, 'text') ?? ''))
  return [...paragraphs, ...preface].filter((text) => text !== '').join('\n\n')
}

/** The header and its `key=value;` pairs. The prompt may follow on the same line. */
const billingLine = /^x-anthropic-billing-header:(?:[ \t]*[\w.-]+=[^;\n]*(?:;|(?=\n)|$))*\s*/

/**
 * Claude Code starts its prompt with a line that differs in every request and has no meaning for a model. It would
 * defeat every endpoint's prompt cache.
 */
export function withoutBillingLine(text: string): string {
  return text.replace(billingLine, '')
}
