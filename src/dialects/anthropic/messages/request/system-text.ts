import { textField } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'

/** The paragraphs of a system prompt, a string or blocks. */
export function systemParagraphs(system: unknown): string[] {
  if (typeof system === 'string') return system === '' ? [] : [withoutBillingLine(system)]
  return contentBlocks(system).map((block) => withoutBillingLine(textField(block, 'text') ?? ''))
}

/** The start of the line that Claude Code puts before its prompt. */
export const billingHeader = 'x-anthropic-billing-header:'
/** The header and its `key=value;` pairs. The prompt may follow on the same line. */
const billingLine = /^x-anthropic-billing-header:(?:[ \t]*[\w.-]+=[^;\n]*(?:;|(?=\n)|$))*\s*/

/**
 * Claude Code starts its prompt with a line that differs in every request and has no meaning for a model. It would
 * defeat every endpoint's prompt cache.
 */
export function withoutBillingLine(text: string): string {
  return text.startsWith(billingHeader) ? text.replace(billingLine, '') : text
}
