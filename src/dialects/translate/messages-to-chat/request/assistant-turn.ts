import type { ChatMessage, ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import { joinedText } from '../../../hub/parts/blocks.ts'
import { endpointIds } from '../../../hub/parts/call-ids.ts'
import { signedField } from '../../../hub/parts/reasoning-signature.ts'
import { shortName } from '../../../hub/parts/tool-names.ts'

/** A tool call whose result must follow. */
export interface MadeCall {
  /** As the client knows it. */
  readonly id: string
  /** As sent to the endpoint; distinct from the other calls of its turn. */
  readonly sentId: string
}

export interface AssistantTurn {
  readonly message: ChatMessage
  /** In order: their results must follow. */
  readonly calls: readonly MadeCall[]
}

/** Translates an assistant turn. Blocks that only Anthropic's servers can read are dropped. */
export function assistantMessage(
  blocks: readonly JsonObject[],
  traits: Pick<ChatTraits, 'reasoningField' | 'maxToolNameLength' | 'endpointMark'>,
): AssistantTurn {
  const uses = blocks.filter(isCall)
  const ids = uses.map(({ id }) => id)
  const sentIds = endpointIds(ids)
  const calls = uses.map((use, at) => toolCall(use, sentIds[at] ?? use.id, traits.maxToolNameLength))
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

/** Thinking returns in the field in which this endpoint sent it, else in the field that its backend type reads. */
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

/** A call needs an ID and a name. */
function isCall(block: JsonObject): block is ToolUse {
  return (
    block.type === 'tool_use' &&
    textField(block, 'id') !== undefined &&
    textField(block, 'name') !== undefined
  )
}

function toolCall({ name, input }: ToolUse, id: string, maxNameLength: number | undefined) {
  return {
    id,
    type: 'function',
    function: { name: shortName(name, maxNameLength), arguments: JSON.stringify(inputObject(input)) },
  }
}

/** Some clients return the input as the JSON text in which it arrived. */
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
