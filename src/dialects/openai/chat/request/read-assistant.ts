import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { argumentText } from '../../../hub/calls/argument-text.ts'
import { customArguments } from '../../../hub/calls/custom-input.ts'
import type { AssistantPart, CallPart } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'
import { refuse } from './field-values.ts'
import { readReasoning, thinkingBlock } from './read-reasoning.ts'

/**
 * Reads an assistant message: thinking, text and refusals, then calls.
 * @throws GatewayError invalid_request
 */
export function readAssistant(message: JsonObject, at: string, uses: Set<Feature>): AssistantPart[] {
  const parts: AssistantPart[] = readReasoning(message)
  contentBlocks(message.content).forEach((block, index) => {
    const part = contentPart(block, `${at}.content.${index}`)
    if (part !== undefined) parts.push(part)
  })
  const refusal = textField(message, 'refusal') ?? ''
  if (refusal !== '') parts.push({ kind: 'refusal', text: refusal })
  listField(message, 'tool_calls').forEach((call, index) => {
    parts.push(readCall(call, `${at}.tool_calls.${index}`))
  })
  // The API before `tool_calls`.
  if (isObject(message.function_call)) parts.push(readCall(message.function_call, `${at}.function_call`))
  // Only OpenAI's servers have the audio to which the ID belongs.
  if (isObject(message.audio)) uses.add('audio_output')
  for (const part of parts) noteHistory(part, uses)
  return parts
}

function noteHistory(part: AssistantPart, uses: Set<Feature>): void {
  if (part.kind === 'refusal') uses.add('refusal_history')
  else if (part.kind === 'call') uses.add('tools')
  else if (part.kind === 'thinking') {
    if (part.text !== '') uses.add('thinking_history')
    if (part.signature !== undefined) uses.add('encrypted_thinking')
  }
}

function contentPart(block: JsonObject, at: string): AssistantPart | undefined {
  switch (block.type) {
    case undefined:
    case 'text':
    case 'output_text': {
      const text = textField(block, 'text') ?? refuse(`${at}.text`, 'must be a string')
      return text === '' ? undefined : { kind: 'text', text }
    }
    case 'refusal': {
      const text = textField(block, 'refusal') ?? ''
      return text === '' ? undefined : { kind: 'refusal', text }
    }
    case 'thinking':
    case 'reasoning':
      return thinkingBlock(block)
    // Anthropic's server encrypts them, and only it can read them.
    case 'redacted_thinking':
      return undefined
    // Cursor sends calls in Anthropic's form.
    case 'tool_use':
      return {
        kind: 'call',
        id: textField(block, 'id') ?? '',
        name: nameOf(block, at),
        args: argumentText(block.input),
      }
    default:
      return refuse(`${at}.type`, 'an assistant message has text and refusals only')
  }
}

function readCall(call: unknown, at: string): CallPart {
  if (!isObject(call)) return refuse(at, 'must be an object')
  const id = typeof call.id === 'number' ? String(call.id) : (textField(call, 'id') ?? '')
  const custom = objectField(call, 'custom')
  if (custom !== undefined) {
    const args = customArguments(textField(custom, 'input') ?? '')
    return { kind: 'call', id, name: nameOf(custom, `${at}.custom`), args }
  }
  const made = objectField(call, 'function')
  const inner = made ?? call
  const name = nameOf(inner, made === undefined ? at : `${at}.function`)
  return { kind: 'call', id, name, args: argumentText(inner.arguments) }
}

function nameOf(object: JsonObject, at: string): string {
  return textField(object, 'name') || refuse(`${at}.name`, 'is required')
}
