import { GatewayError } from '../../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks, joinedText } from '../../../hub/parts/blocks.ts'
import { withoutBillingLine } from './system-text.ts'

/** Consecutive messages of one role. */
export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly blocks: readonly JsonObject[]
}

export interface Conversation {
  /** System messages before the first turn. */
  readonly preface: readonly string[]
  /** In alternating roles: Anthropic joins adjacent messages of one role. */
  readonly turns: readonly Turn[]
}

/**
 * Groups messages into alternating turns. Many chat templates reject a system message after the beginning, and moving a
 * later one there would change the prompt prefix in the endpoint's cache. So it stays in place, inside the user's turn.
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
      // Such a message applies only to the turn that follows it.
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
