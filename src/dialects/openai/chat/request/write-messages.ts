import type { ChatMessage, ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import { endpointIds } from '../../../hub/calls/call-ids.ts'
import { shortName } from '../../../hub/calls/tool-names.ts'
import type { AssistantTurn, CallPart, ToolResult, Turn } from '../../../hub/contract/conversation.ts'
import { orderTurns } from '../../../hub/parts/ordered-turns.ts'
import { failedResult, systemReminder } from '../../../hub/parts/prompt-notes.ts'
import { signedField } from '../../../hub/parts/reasoning-signature.ts'
import { type ContentPart, contentPart, messageContent, textPart } from './write-parts.ts'

/**
 * The messages of a chat, in the order that every template accepts: one system message at the beginning, then users and
 * the assistant in alternation, with the results directly after their calls.
 */
export function chatMessages(turns: readonly Turn[], traits: ChatTraits): ChatMessage[] {
  const list = new MessageList(traits)
  for (const turn of orderTurns(turns)) list.add(turn)
  return list.end()
}

type OpenMessage = { readonly role: ChatMessage['role']; [key: string]: unknown }

class MessageList {
  readonly #traits: ChatTraits
  readonly #messages: ChatMessage[] = []
  readonly #system: string[] = []
  /** The user's message that is not yet complete; undefined if there is none. */
  #parts: ContentPart[] | undefined
  #name: string | undefined
  /** Calls of the last assistant turn, and their IDs as sent. */
  #calls: readonly CallPart[] = []
  #sentIds: readonly string[] = []
  /** Number of calls that the client sent without an ID. */
  #unnamedCalls = 0

  constructor(traits: ChatTraits) {
    this.#traits = traits
  }

  add(turn: Turn): void {
    switch (turn.role) {
      case 'system':
        if (this.#messages.length === 0 && this.#parts === undefined) this.#system.push(turn.text)
        else this.#user(textPart(systemReminder(turn.text)), undefined)
        break
      case 'user':
        for (const part of turn.parts) this.#user(contentPart(part, this.#traits), turn.name)
        break
      case 'assistant':
        this.#assistant(turn)
        break
      case 'results':
        this.#results(turn.results)
        break
    }
  }

  end(): ChatMessage[] {
    this.#endUser()
    if (this.#system.length > 0)
      this.#messages.unshift({ role: 'system', content: this.#system.join('\n\n') })
    return this.#messages
  }

  #user(part: ContentPart, name: string | undefined): void {
    if (this.#name !== name) this.#endUser()
    this.#name = name
    const isEmpty = part.type === 'text' && part.text === ''
    if (this.#parts === undefined) this.#parts = isEmpty ? [] : [part]
    else if (!isEmpty) this.#parts.push(part)
  }

  #endUser(): void {
    if (this.#parts === undefined) return
    const content = messageContent(this.#parts)
    this.#messages.push(
      this.#name === undefined ? { role: 'user', content } : { role: 'user', name: this.#name, content },
    )
    this.#parts = undefined
    this.#name = undefined
  }

  /** Thinking returns in the field in which this endpoint sent it, else in the field that its backend type reads. */
  #assistant({ parts }: AssistantTurn): void {
    this.#endUser()
    const { reasoningField, endpointMark } = this.#traits
    let field = reasoningField
    const thoughts: string[] = []
    const texts: string[] = []
    const calls: CallPart[] = []
    for (const part of parts) {
      switch (part.kind) {
        case 'thinking':
          if (part.text === '') break
          thoughts.push(part.text)
          field = signedField(part.signature, endpointMark) ?? field
          break
        case 'call':
          calls.push(part)
          break
        case 'text':
        case 'refusal':
          if (part.text !== '') texts.push(part.text)
          break
      }
    }
    const message: OpenMessage = { role: 'assistant' }
    if (thoughts.length > 0 && field !== 'none') message[field] = thoughts.join('\n\n')
    message.content = texts.length === 0 && calls.length > 0 ? null : texts.join('\n\n')
    this.#calls = calls
    if (calls.length > 0) {
      this.#sentIds = endpointIds(calls.map(({ id }) => (id === '' ? `call_${++this.#unnamedCalls}` : id)))
      message.tool_calls = calls.map((call, index) => this.#call(call, this.#sentIds[index] ?? call.id))
    }
    this.#messages.push(message)
  }

  #call({ name, args }: CallPart, id: string) {
    return {
      id,
      type: 'function',
      function: { name: shortName(name, this.#traits.maxToolNameLength), arguments: args },
    }
  }

  /** Results are only text in this API, so their images move into the user's message after them. */
  #results(results: readonly ToolResult[]): void {
    let at = 0
    for (const result of results) {
      // `orderTurns` puts results in the order of their calls, some of which may have none.
      while (!isResultOf(result, this.#calls[at])) at++
      const id = this.#sentIds[at++] ?? result.callId
      const texts: string[] = []
      const others: ContentPart[] = []
      for (const part of result.parts) {
        const content = contentPart(part, this.#traits)
        if (content.type !== 'text') others.push(content)
        else if (content.text !== '') texts.push(content.text)
      }
      if (others.length > 0) texts.push('[What is not text follows in the next message.]')
      const text = texts.join('\n\n')
      this.#messages.push({
        role: 'tool',
        tool_call_id: id,
        content: result.isError ? failedResult(text) : text,
      })
      if (others.length === 0) continue
      this.#parts ??= []
      this.#parts.push(textPart(`[From the result of tool call ${id}:]`), ...others)
    }
  }
}

/** Also true past the last call. */
function isResultOf({ callId, name }: ToolResult, call: CallPart | undefined): boolean {
  return call === undefined || (call.id === callId && call.name === name)
}
