import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type { CustomTool } from '../contract/conversation.ts'

/** Longest grammar that becomes part of a tool's description. */
const maxGrammarLength = 16_384

/** Schema of the function that replaces a tool whose input is free text. */
export const customToolSchema: JsonObject = {
  type: 'object',
  properties: { input: { type: 'string', description: 'The whole input of the tool.' } },
  required: ['input'],
  additionalProperties: false,
}

/** The description of such a function: a function cannot enforce the grammar, so the model reads it. */
export function customToolDescription({ description, format }: CustomTool): string | undefined {
  const nested = format === undefined ? undefined : format.grammar
  const grammar = isObject(nested) ? nested : format
  const definition = grammar === undefined ? undefined : textField(grammar, 'definition')
  if (grammar === undefined || definition === undefined || definition.length > maxGrammarLength)
    return description
  const syntax = textField(grammar, 'syntax')
  const rule = `The input must match this ${syntax === undefined ? '' : `${syntax} `}grammar:\n${definition}`
  return description === undefined ? rule : `${description}\n\n${rule}`
}
