import type { ChatMessage, ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import { type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks } from '../shared/blocks.ts'
import type { MadeCall } from './assistant-turn.ts'
import { type ContentPart, contentParts, messageContent, textPart } from './content-parts.ts'

/**
 * A user's turn as chat messages: first the results of the calls before it, in the order of the calls, then
 * what the user says. Results are text only in this API: pictures in them follow in the user's message.
 * @param calls of the assistant's turn before; of calls with one ID each gets the next result of that ID
 */
export function userMessages(
  blocks: readonly JsonObject[],
  calls: readonly MadeCall[],
  traits: Pick<ChatTraits, 'readsFiles'>,
): ChatMessage[] {
  const results = resultsById(blocks, calls)
  const taken = new Set<JsonObject>()
  const messages: ChatMessage[] = []
  const parts: ContentPart[] = []
  for (const { id, sentId } of calls) {
    const block = nextOf(results.get(id))
    if (block === undefined) continue
    taken.add(block)
    const { text, others } = resultParts(block, traits)
    messages.push({ role: 'tool', tool_call_id: sentId, content: text })
    if (others.length > 0) parts.push(textPart(`[From the result of tool call ${sentId}:]`), ...others)
  }
  for (const block of blocks) {
    const id = resultId(block)
    if (id === undefined) parts.push(...contentParts(block, traits))
    else if (!taken.has(block)) parts.push(...strayResult(id, block, traits))
  }
  if (parts.length > 0) messages.push({ role: 'user', content: messageContent(parts) })
  return messages
}

interface Results {
  readonly blocks: JsonObject[]
  /** How many of them have been given to a call. */
  given: number
}

function nextOf(results: Results | undefined): JsonObject | undefined {
  return results?.blocks[results.given++]
}

/** The results of these calls, each ID's in the order in which they stand. */
function resultsById(blocks: readonly JsonObject[], calls: readonly MadeCall[]): Map<string, Results> {
  const results = new Map<string, Results>()
  if (calls.length === 0) return results
  for (const { id } of calls) results.set(id, { blocks: [], given: 0 })
  for (const block of blocks) results.get(resultId(block) ?? '')?.blocks.push(block)
  return results
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
