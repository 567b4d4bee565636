import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import type { Part, Turn } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { contentBlocks, joinedText } from '../../../hub/parts/blocks.ts'
import { refuse } from './field-values.ts'
import { readAssistant } from './read-assistant.ts'
import { readContent, readResult } from './read-parts.ts'

const emptyParts: readonly Part[] = [{ kind: 'text', text: '' }]

/**
 * Reads the messages of a chat.
 * @throws GatewayError invalid_request
 */
export function readMessages(messages: unknown, uses: Set<Feature>): Turn[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    return refuse('messages', 'at least one message is required')
  }
  const turns: Turn[] = []
  messages.forEach((message: unknown, index) => {
    const at = `messages.${index}`
    if (!isObject(message)) refuse(at, 'must be an object')
    readMessage(message, at, turns, uses)
  })
  return turns
}

function readMessage(message: JsonObject, at: string, turns: Turn[], uses: Set<Feature>): void {
  const { role } = message
  switch (role) {
    case 'system':
    case 'developer': {
      const text = joinedText(contentBlocks(message.content))
      if (text === '') return
      uses.add(role)
      turns.push({ role: 'system', text, isDeveloper: role === 'developer' })
      return
    }
    case 'user':
      readUser(message, at, turns, uses)
      return
    case 'assistant':
      turns.push({ role: 'assistant', parts: readAssistant(message, at, uses) })
      return
    case 'tool':
    // The API before `tool`, which identifies results by the name of the function.
    case 'function': {
      const callId = role === 'tool' ? idOf(message) : ''
      const name = textField(message, 'name') || undefined
      const isError = message.is_error === true || message.status === 'error'
      const result = readResult({ callId, name, isError }, message.content, `${at}.content`, uses)
      turns.push({ role: 'results', results: [result] })
      return
    }
    default:
      refuse(`${at}.role`, 'must be system, developer, user, assistant or tool')
  }
}

function idOf({ tool_call_id: id }: JsonObject): string {
  return typeof id === 'string' ? id : typeof id === 'number' ? String(id) : ''
}

function readUser(message: JsonObject, at: string, turns: Turn[], uses: Set<Feature>): void {
  const { parts, results } = readContent(message.content, `${at}.content`, uses)
  if (results.length > 0) turns.push({ role: 'results', results })
  if (parts.length === 0 && results.length > 0) return
  const name = textField(message, 'name') || undefined
  if (name !== undefined) uses.add('user_name')
  // The API accepts an empty message, which is still a turn.
  turns.push({ role: 'user', parts: parts.length === 0 ? emptyParts : parts, name })
}
