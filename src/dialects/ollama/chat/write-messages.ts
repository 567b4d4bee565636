import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import { parseLossless } from '../../../kernel/json/lossless.ts'
import { endpointIds } from '../../hub/calls/call-ids.ts'
import { callInput } from '../../hub/calls/call-input.ts'
import { shortName } from '../../hub/calls/tool-names.ts'
import type {
  AssistantTurn,
  CallPart,
  Part,
  ResultsTurn,
  ToolResult,
  Turn,
} from '../../hub/contract/conversation.ts'
import { callsOf } from '../../hub/parts/ordered-turns.ts'
import { failedResult } from '../../hub/parts/prompt-notes.ts'
import { hasSeveralSpeakers, namedParts } from '../../hub/parts/speaker-names.ts'
import { imagesMember, mediaOf, textOf } from '../parts/write-media.ts'

/**
 * Writes the messages of a chat.
 * @param turns ordered
 * @param maxNameLength undefined if the endpoint has no limit
 */
export function writeMessages(turns: readonly Turn[], maxNameLength: number | undefined): JsonObject[] {
  const messages: JsonObject[] = []
  /** Images of results, which move into the message of the user that follows. */
  let moved: Part[] = []
  let before: AssistantTurn | undefined
  const namesSpeakers = hasSeveralSpeakers(turns)
  for (const turn of turns) {
    if (turn.role !== 'user' && moved.length > 0) {
      messages.push(userMessage(moved))
      moved = []
    }
    switch (turn.role) {
      case 'system':
        messages.push({ role: 'system', content: turn.text })
        break
      case 'user':
        messages.push(userMessage([...moved, ...(namesSpeakers ? namedParts(turn) : turn.parts)]))
        moved = []
        break
      case 'assistant':
        messages.push(assistantMessage(turn, maxNameLength))
        before = turn
        break
      case 'results':
        moved = pushResults(messages, turn, before, maxNameLength)
        break
    }
  }
  if (moved.length > 0) messages.push(userMessage(moved))
  return messages
}

function userMessage(parts: readonly Part[]): JsonObject {
  return { role: 'user', content: textOf(parts), ...imagesMember(parts) }
}

function assistantMessage(turn: AssistantTurn, maxNameLength: number | undefined): JsonObject {
  const { parts } = turn
  const thinking = parts
    .flatMap((part) => (part.kind === 'thinking' && part.text !== '' ? part.text : []))
    .join('\n\n')
  const text = parts
    .flatMap((part) => (part.kind === 'text' || part.kind === 'refusal' ? part.text : []))
    .join('\n\n')
  const calls = callsOf(turn)
  const ids = idsOf(calls)
  const written = calls.map(({ name, args }, index) => ({
    ...idMember('id', ids[index]),
    function: { name: shortName(name, maxNameLength), arguments: callInput(args, parseLossless) },
  }))
  return {
    role: 'assistant',
    content: text,
    ...(thinking === '' ? {} : { thinking }),
    ...(written.length === 0 ? {} : { tool_calls: written }),
  }
}

/**
 * Ollama identifies a result by the name of its tool; versions since 2025 read the ID of the call too, for templates
 * that have IDs.
 * @returns what is not text
 */
function pushResults(
  messages: JsonObject[],
  { results }: ResultsTurn,
  before: AssistantTurn | undefined,
  maxNameLength: number | undefined,
): Part[] {
  const calls = before === undefined ? [] : callsOf(before)
  const ids = idsOf(calls)
  const moved: Part[] = []
  let next = 0
  for (const result of results) {
    // Results are in the order of the calls, some of which may have none.
    while (next < calls.length && !isOf(result, calls[next])) next++
    const name = result.name ?? ''
    const others = result.parts.filter((part) => mediaOf(part) !== undefined)
    messages.push({
      role: 'tool',
      content: resultText(result, others.length > 0),
      ...(name === '' ? {} : { tool_name: shortName(name, maxNameLength) }),
      ...idMember('tool_call_id', ids[next++]),
    })
    if (others.length === 0) continue
    moved.push({ kind: 'text', text: `[From the result of the tool ${name}:]` }, ...others)
  }
  return moved
}

/** Distinct IDs; '' if the client sent none, because Ollama needs none. */
function idsOf(calls: readonly CallPart[]): string[] {
  const ids = endpointIds(calls.map(({ id }) => id))
  return calls.map(({ id }, index) => (id === '' ? '' : (ids[index] ?? id)))
}

function isOf({ callId, name }: ToolResult, call: CallPart | undefined): boolean {
  return callId === call?.id && (callId !== '' || name === call.name)
}

function idMember(key: string, id: string | undefined): JsonObject {
  return id === undefined || id === '' ? {} : { [key]: id }
}

function resultText({ parts, isError }: ToolResult, hasOthers: boolean): string {
  const text = textOf(hasOthers ? [...parts, { kind: 'text', text: movedNote }] : parts)
  return isError ? failedResult(text) : text
}

const movedNote = '[What is not text follows in the next message.]'
