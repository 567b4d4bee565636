import { GatewayError } from '../../../../kernel/errors.ts'
import { asList, isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import type { AssistantPart, Part, ToolResult, Turn } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { contentBlocks, joinedText } from '../../../hub/parts/blocks.ts'
import { systemReminder } from '../../../hub/parts/prompt-notes.ts'
import { readParts, readResult } from './read-parts.ts'
import { systemParagraphs, withoutBillingLine } from './system-text.ts'

/**
 * Reads the system prompt and the messages. Anthropic joins adjacent messages of one role, so the turns alternate,
 * except that each group of results between other content of a user is a turn of its own. System messages before the
 * conversation are part of the system prompt; later ones stay in place, inside the user's turn.
 * @throws GatewayError invalid_request
 */
export function readTurns(request: JsonObject, uses: Set<Feature>): readonly Turn[] {
  const messages = asList(request.messages)
  const preface = systemParagraphs(request.system)
  const list = new TurnList()
  let lastUser: number | undefined
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index]
    if (!isObject(message)) throw new GatewayError('invalid_request', `messages.${index}: not an object`)
    const { content } = message
    switch (roleOf(message, index)) {
      case 'user':
        readUser(content, list, uses)
        break
      case 'assistant':
        readAssistant(content, list.assistant(), uses)
        break
      case 'system': {
        // Such a message applies only to the turn that follows it.
        if (message.clear_at === 'next_user_message') {
          lastUser ??= messages.findLastIndex((each) => isObject(each) && each.role === 'user')
          if (index < lastUser) break
        }
        const text = withoutBillingLine(joinedText(contentBlocks(content)))
        if (text === '') break
        if (list.hasBegun) list.user({ kind: 'text', text: systemReminder(text) })
        else preface.push(text)
        break
      }
    }
  }
  const text = joined(preface)
  if (text === '') return list.turns
  uses.add('system')
  list.turns.unshift({ role: 'system', text, isDeveloper: false })
  return list.turns
}

function joined(paragraphs: readonly string[]): string {
  const [first = ''] = paragraphs
  return paragraphs.length <= 1 ? first : paragraphs.filter((each) => each !== '').join('\n\n')
}

function readUser(content: unknown, list: TurnList, uses: Set<Feature>): void {
  list.hasBegun = true
  if (typeof content === 'string') {
    if (content !== '') list.user({ kind: 'text', text: content })
    return
  }
  for (const block of contentBlocks(content)) {
    if (block.type === 'tool_result') list.result(readResult(block, uses))
    else for (const part of readParts(block, uses)) list.user(part)
  }
}

/** Drops blocks that only Anthropic's servers can read. */
function readAssistant(content: unknown, parts: AssistantPart[], uses: Set<Feature>): void {
  for (const block of contentBlocks(content)) {
    switch (block.type) {
      case 'thinking': {
        const text = textField(block, 'thinking') ?? ''
        if (text === '') break
        uses.add('thinking_history')
        parts.push({ kind: 'thinking', text, signature: textField(block, 'signature') })
        break
      }
      case 'tool_use': {
        const id = textField(block, 'id')
        const name = textField(block, 'name')
        if (id === undefined || name === undefined) break
        parts.push({ kind: 'call', id, name, args: JSON.stringify(inputObject(block.input)) })
        break
      }
      default: {
        const text = textField(block, 'text') ?? ''
        if (text !== '') parts.push({ kind: 'text', text })
      }
    }
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

/** Collects turns: adds to the last one if it has the same role. */
class TurnList {
  readonly turns: Turn[] = []
  /** Whether a message of a user or of the assistant has been read. */
  hasBegun = false
  // At most one of these is defined: the content of the last turn.
  #user: Part[] | undefined
  #results: ToolResult[] | undefined
  #assistant: AssistantPart[] | undefined

  user(part: Part): void {
    if (this.#user !== undefined) {
      this.#user.push(part)
      return
    }
    this.#user = [part]
    this.#results = undefined
    this.#assistant = undefined
    this.turns.push({ role: 'user', parts: this.#user })
  }

  result(result: ToolResult): void {
    if (this.#results !== undefined) {
      this.#results.push(result)
      return
    }
    this.#results = [result]
    this.#user = undefined
    this.#assistant = undefined
    this.turns.push({ role: 'results', results: this.#results })
  }

  /** Returns the parts of the assistant's turn, which exists even if they stay empty. */
  assistant(): AssistantPart[] {
    this.hasBegun = true
    if (this.#assistant === undefined) {
      this.#assistant = []
      this.#user = undefined
      this.#results = undefined
      this.turns.push({ role: 'assistant', parts: this.#assistant })
    }
    return this.#assistant
  }
}
