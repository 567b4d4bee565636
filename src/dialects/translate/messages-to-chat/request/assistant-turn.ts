import type { ChatMessage, ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import { joinedText } from '../shared/blocks.ts'
import { endpointIds } from '../shared/call-ids.ts'
import { signedField } from '../shared/reasoning-signature.ts'
import { shortName } from '../shared/tool-names.ts'

/** A call, and the result that must follow it. */
export interface MadeCall {
  /** As the client knows it. */
  readonly id: string
  /** As the endpoint gets it: told apart from the other calls of its turn. */
  readonly sentId: string
}

export interface AssistantTurn {
  readonly message: ChatMessage
  /** In order: their results must follow. */
  readonly calls: readonly MadeCall[]
}

/** What the model said before. Blocks that only Anthropic's servers can read back are left out. */
export function assistantMessage(
  blocks: readonly JsonObject[],
  traits: Pick<ChatTraits, 'reasoningField' | 'longestToolName' | 'endpointMark'>,
): AssistantTurn {
  const uses = blocks.filter(isCall)
  const ids = uses.map(({ id }) => id)
  const sentIds = endpointIds(ids)
  const calls = uses.map((use, at) => toolCall(use, sentIds[at] ?? use.id, traits.longestToolName))
  const text = joinedText(blocks.filter(({ type }) => type !== 'thinking' && type !== 'tool_use'))
  return {
    message: {
      role: 'assistant',
      ...reasoningOf(blocks, traits),
      content: text === '' && calls.length > 0 ? null : text,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
    calls: ids.map((id, at) => ({ id, sentId: sentIds[at] ?? id })),
  }
}

/** Thinking goes back under the name under which this endpoint sent it; else under the one that its kind reads. */
function reasoningOf(
  blocks: readonly JsonObject[],
  { reasoningField, endpointMark }: Pick<ChatTraits, 'reasoningField' | 'endpointMark'>,
): JsonObject {
  let field = reasoningField
  const thoughts: string[] = []
  for (const block of blocks) {
    const thought = block.type === 'thinking' ? textField(block, 'thinking') : undefined
    if (thought === undefined || thought === '') continue
    thoughts.push(thought)
    field = signedField(textField(block, 'signature'), endpointMark) ?? field
  }
  return thoughts.length === 0 || field === 'none' ? {} : { [field]: thoughts.join('\n\n') }
}

type ToolUse = JsonObject & { readonly id: string; readonly name: string }

/** A call without an ID or a name cannot be answered or made. */
function isCall(block: JsonObject): block is ToolUse {
  return (
    block.type === 'tool_use' &&
    textField(block, 'id') !== undefined &&
    textField(block, 'name') !== undefined
  )
}

function toolCall({ name, input }: ToolUse, id: string, longestName: number | undefined) {
  return {
    id,
    type: 'function',
    function: { name: shortName(name, longestName), arguments: JSON.stringify(inputObject(input)) },
  }
}

/** Some clients give the input back as the text in which it came. */
function inputObject(input: unknown): object {
  if (isObject(input)) return input
  if (typeof input !== 'string') return {}
  try {
    const parsed: unknown = JSON.parse(input)
    return isObject(parsed) ? parsed : {}
  } catch {
    return {}
  }
}
