import type { ChatMessage, ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import { type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'
import type { MadeCall } from './assistant-turn.ts'
import { type ContentPart, contentParts, messageContent, textPart } from './content-parts.ts'

/**
 * Translates a user's turn to chat messages: first the results of the preceding calls, in the order of the calls, then
 * the user's message. Results are text only in this API, so their images move into the user's message.
 * @param calls of the preceding assistant turn; calls with the same ID consume its results in order
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
    else if (!taken.has(block)) parts.push(...orphanResult(id, block, traits))
  }
  if (parts.length > 0) messages.push({ role: 'user', content: messageContent(parts) })
  return messages
}

interface Results {
  readonly blocks: JsonObject[]
  /** Number of results already assigned to a call. */
  assigned: number
}

function nextOf(results: Results | undefined): JsonObject | undefined {
  return results?.blocks[results.assigned++]
}

/** The results of these calls by ID, in their order. */
function resultsById(blocks: readonly JsonObject[], calls: readonly MadeCall[]): Map<string, Results> {
  const results = new Map<string, Results>()
  if (calls.length === 0) return results
  for (const { id } of calls) results.set(id, { blocks: [], assigned: 0 })
  for (const block of blocks) results.get(resultId(block) ?? '')?.blocks.push(block)
  return results
}

function resultId(block: JsonObject): string | undefined {
  return block.type === 'tool_result' ? (textField(block, 'tool_use_id') ?? '') : undefined
}

/** The history lacks the call. Servers reject a result without its call, but the text is worth keeping. */
function orphanResult(id: string, block: JsonObject, traits: Pick<ChatTraits, 'readsFiles'>): ContentPart[] {
  const { text, others } = resultParts(block, traits)
  return [textPart(`[Result of tool call ${id}]\n${text}`), ...others]
}

interface ResultParts {
  readonly text: string
  /** Parts that are not text: images and files. */
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

/** Unknown block types are passed to the model as JSON, so that no result is lost. */
function resultBlockParts(block: JsonObject, traits: Pick<ChatTraits, 'readsFiles'>): ContentPart[] {
  const parts = contentParts(block, traits)
  return parts.length > 0 || block.type === 'text' ? parts : [textPart(JSON.stringify(block))]
}
