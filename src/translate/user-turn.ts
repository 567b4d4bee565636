import { contentBlocks } from './blocks.ts'
import type { ChatMessage, ChatTraits } from './chat-shape.ts'
import { type ContentPart, contentParts, messageContent, textPart } from './content-parts.ts'
import { type JsonObject, textField } from './json-fields.ts'

/**
 * A user's turn as chat messages: first the results of the calls before it, in the order of the calls, then
 * what the user says. Results are text only in this API: pictures in them follow in the user's message.
 * @param callIds calls of the assistant's turn before
 */
export function userMessages(
  blocks: readonly JsonObject[],
  callIds: readonly string[],
  traits: Pick<ChatTraits, 'readsFiles'>,
): ChatMessage[] {
  const results = new Map<string, JsonObject>()
  for (const block of blocks) {
    const id = resultId(block)
    if (id !== undefined && callIds.includes(id) && !results.has(id)) results.set(id, block)
  }
  const messages: ChatMessage[] = []
  const parts: ContentPart[] = []
  for (const id of callIds) {
    const block = results.get(id)
    if (block === undefined) continue
    const { text, others } = resultParts(block, traits)
    messages.push({ role: 'tool', tool_call_id: id, content: text })
    if (others.length > 0) parts.push(textPart(`[From the result of tool call ${id}:]`), ...others)
  }
  for (const block of blocks) {
    const id = resultId(block)
    if (id === undefined) parts.push(...contentParts(block, traits))
    else if (results.get(id) !== block) parts.push(...strayResult(id, block, traits))
  }
  if (parts.length > 0) messages.push({ role: 'user', content: messageContent(parts) })
  return messages
}

function resultId(block: JsonObject): string | undefined {
  return block.type === 'tool_result' ? (textField(block, 'tool_use_id') ?? '') : undefined
}

/** The call was cut out of the history: servers refuse a result without one, but the text is worth keeping. */
function strayResult(id: string, block: JsonObject, traits: Pick<ChatTraits, 'readsFiles'>): ContentPart[] {
  const { text, others } = resultParts(block, traits)
  return [textPart(`[Result of tool call ${id}]\n${text}`), ...others]
}

interface ResultParts {
  readonly text: string
  /** What is no text: pictures and files. */
  readonly others: readonly ContentPart[]
}

function resultParts(block: JsonObject, traits: Pick<ChatTraits, 'readsFiles'>): ResultParts {
  const parts = contentBlocks(block.content).flatMap((each) => resultBlockParts(each, traits))
  const others = parts.filter(({ type }) => type !== 'text')
  const texts = parts.flatMap((part) => (part.type === 'text' ? part.text : []))
  if (others.length > 0) texts.push('[What is not text follows in the next message.]')
  const text = texts.join('\n\n')
  return { text: block.is_error === true && !/^error/i.test(text) ? `Error: ${text}` : text, others }
}

/** A kind of block that is not known is shown to the model as it is: a result must not vanish. */
function resultBlockParts(block: JsonObject, traits: Pick<ChatTraits, 'readsFiles'>): ContentPart[] {
  const parts = contentParts(block, traits)
  return parts.length > 0 || block.type === 'text' ? parts : [textPart(JSON.stringify(block))]
}
