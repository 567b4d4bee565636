import { GatewayError } from '../../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks, joinedText } from '../shared/blocks.ts'
import { withoutBillingLine } from './system-text.ts'

/** What one side said before the other spoke again. */
export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly blocks: readonly JsonObject[]
}

export interface Conversation {
  /** System messages that stood before the first turn. */
  readonly preface: readonly string[]
  /** Alternating: neighbours of one role are one turn, as Anthropic reads them. */
  readonly turns: readonly Turn[]
}

/**
 * Reads messages into alternating turns. Many chat templates refuse a system message anywhere but at the
 * beginning, and moving a later one there would change the start of the prompt that the endpoint has in its
 * cache: so it stays in its place, inside the user's turn.
 * @throws GatewayError invalid_request
 */
export function readTurns(messages: readonly unknown[]): Conversation {
  const preface: string[] = []
  const lastUser = messages.findLastIndex((each) => isObject(each) && each.role === 'user')
  const turns: { role: Turn['role']; blocks: JsonObject[] }[] = []
  messages.forEach((message, index) => {
    if (!isObject(message)) throw new GatewayError('invalid_request', `messages.${index}: not an object`)
    const blocks = contentBlocks(message.content)
    const role = roleOf(message, index)
    if (role === 'system') {
      // Such a message is meant for the turn that follows it only.
      if (message.clear_at === 'next_user_message' && index < lastUser) return
      const text = withoutBillingLine(joinedText(blocks))
      if (text === '') return
      if (turns.length === 0) {
        preface.push(text)
        return
      }
      blocks.splice(0, blocks.length, {
        type: 'text',
        text: `<system-reminder>\n${text}\n</system-reminder>`,
      })
    }
    const speaker = role === 'assistant' ? role : 'user'
    const last = turns.at(-1)
    if (last?.role === speaker) for (const block of blocks) last.blocks.push(block)
    else turns.push({ role: speaker, blocks })
  })
  return { preface, turns }
}

function roleOf({ role }: JsonObject, index: number): 'user' | 'assistant' | 'system' {
  switch (role) {
    case 'user':
    case 'assistant':
    case 'system':
      return role
    case 'developer':
      return 'system'
    default:
      throw new GatewayError('invalid_request', `messages.${index}.role: must be user or assistant`)
  }
}
