import { joinedText } from './blocks.ts'
import type { ChatMessage, ChatTraits } from './chat-shape.ts'
import { isObject, type JsonObject, textField } from './json-fields.ts'

export interface AssistantTurn {
  readonly message: ChatMessage
  /** IDs of its tool calls, in order: their results must follow. */
  readonly callIds: readonly string[]
}

/** What the model said before. Blocks that only Anthropic's servers can read back are left out. */
export function assistantMessage(
  blocks: readonly JsonObject[],
  { reasoningField }: Pick<ChatTraits, 'reasoningField'>,
): AssistantTurn {
  const calls = blocks.flatMap((block) => toolCall(block) ?? [])
  const text = joinedText(blocks.filter(({ type }) => type !== 'thinking' && type !== 'tool_use'))
  const reasoning = blocks
    .flatMap((block) => (block.type === 'thinking' ? (textField(block, 'thinking') ?? []) : []))
    .join('\n\n')
  return {
    message: {
      role: 'assistant',
      ...(reasoningField === 'none' || reasoning === '' ? {} : { [reasoningField]: reasoning }),
      content: text === '' && calls.length > 0 ? null : text,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
    callIds: calls.map(({ id }) => id),
  }
}

/** A call without an ID or a name cannot be answered or made. */
function toolCall(block: JsonObject) {
  const id = textField(block, 'id')
  const name = textField(block, 'name')
  if (block.type !== 'tool_use' || id === undefined || name === undefined) return undefined
  const input = isObject(block.input) ? block.input : {}
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input) } }
}
