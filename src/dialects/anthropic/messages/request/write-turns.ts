import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { parseLossless } from '../../../../kernel/json/lossless.ts'
import { callInput } from '../../../hub/calls/call-input.ts'
import { type SentCall, SentCalls } from '../../../hub/calls/sent-calls.ts'
import type { AssistantPart, Conversation, ToolResult, Turn } from '../../../hub/contract/conversation.ts'
import type { FormatTarget } from '../../../hub/format.ts'
import { orderTurns } from '../../../hub/parts/ordered-turns.ts'
import { systemReminder } from '../../../hub/parts/prompt-notes.ts'
import { ownSignature } from '../../../hub/parts/reasoning-signature.ts'
import { hasSeveralSpeakers, namedParts } from '../../../hub/parts/speaker-names.ts'
import { strictName, toolNameLength } from '../../../hub/parts/strict-names.ts'
import { type Block, isBlank, textBlock, writtenBlocks, writtenContent } from './write-parts.ts'

export interface WrittenTurns {
  readonly system: string
  readonly messages: readonly JsonObject[]
}

interface Message {
  readonly role: 'user' | 'assistant'
  readonly blocks: Block[]
}

/** The API requires a user's message before the first of the assistant's. */
const beginning = '[The conversation starts with the assistant.]'

/**
 * Writes turns as messages in alternating roles. System turns at the beginning become `system`; a later one stays where
 * it is, inside the user's message.
 */
export function messagesTurns({ turns: given }: Conversation, target: FormatTarget): WrittenTurns {
  const turns = orderTurns(given)
  const writer = new TurnWriter(turns, target)
  turns.forEach((_, at) => {
    writer.add(at)
  })
  return writer.end()
}

class TurnWriter {
  readonly #turns: readonly Turn[]
  readonly #target: FormatTarget
  readonly #calls = new SentCalls()
  readonly #hasSpeakers: boolean
  readonly #messages: Message[] = []
  readonly #system: string[] = []

  constructor(turns: readonly Turn[], target: FormatTarget) {
    this.#turns = turns
    this.#target = target
    this.#hasSpeakers = hasSeveralSpeakers(turns)
  }

  add(at: number): void {
    const turn = this.#turns[at]
    const { readsFiles } = this.#target.traits
    switch (turn?.role) {
      case 'system':
        if (turn.text.trim() === '') return
        if (this.#messages.length === 0) this.#system.push(turn.text)
        else this.#append('user', [textBlock(systemReminder(turn.text))])
        return
      case 'user':
        this.#append('user', writtenBlocks(this.#hasSpeakers ? namedParts(turn) : turn.parts, readsFiles))
        return
      case 'assistant':
        this.#assistant(turn.parts, this.#calls.of(this.#turns, at))
        return
      default:
      // Results follow their calls.
    }
  }

  end(): WrittenTurns {
    const messages = this.#messages
    const system = this.#system.join('\n\n')
    trimLast(messages)
    // The API requires a message.
    if (messages.length === 0) return { system: '', messages: [{ role: 'user', content: system }] }
    if (messages[0]?.role === 'assistant') messages.unshift({ role: 'user', blocks: [textBlock(beginning)] })
    return {
      system,
      messages: messages.map(({ role, blocks }) => ({ role, content: writtenContent(withoutBlank(blocks)) })),
    }
  }

  #assistant(parts: readonly AssistantPart[], calls: readonly SentCall[]): void {
    const said: Block[] = []
    const thoughts: Block[] = []
    for (const part of parts) {
      if (part.kind === 'thinking') thoughts.push(...this.#thinking(part.text, part.signature))
      else if (part.kind !== 'call' && part.text.trim() !== '') said.push(textBlock(part.text))
    }
    const { maxToolNameLength } = this.#target.traits
    const maxLength = toolNameLength(maxToolNameLength)
    for (const { call, id } of calls) {
      const input = callInput(call.args, parseLossless)
      said.push({ type: 'tool_use', id, name: strictName(call.name, maxLength), input })
    }
    // A message must not end with thinking, and an empty one says nothing.
    if (said.length === 0) return
    this.#append('assistant', [...thoughts, ...said])
    const results = calls.flatMap(({ id, result }) => (result === undefined ? [] : this.#result(id, result)))
    if (results.length > 0) this.#append('user', results)
  }

  /**
   * Signed thinking returns to the endpoint that signed it. Thinking without a signature is only of use to a server that
   * reads earlier thinking, which its profile says; Anthropic's own API refuses it.
   */
  #thinking(thinking: string, signature: string | undefined): Block[] {
    const { reasoningField, endpointMark } = this.#target.traits
    const own = ownSignature(signature, 'messages', endpointMark)
    if (own !== undefined) return [{ type: 'thinking', thinking, signature: own }]
    return reasoningField === 'none' || thinking === '' ? [] : [{ type: 'thinking', thinking, signature: '' }]
  }

  #result(id: string, { parts, isError }: ToolResult): Block {
    const blocks = writtenBlocks(parts, this.#target.traits.readsFiles).filter((block) => !isBlank(block))
    return {
      type: 'tool_result',
      tool_use_id: id,
      ...(blocks.length === 0 ? {} : { content: writtenContent(blocks) }),
      ...(isError ? { is_error: true } : {}),
    }
  }

  #append(role: Message['role'], blocks: readonly Block[]): void {
    const last = this.#messages.at(-1)
    if (last?.role === role) for (const block of blocks) last.blocks.push(block)
    else this.#messages.push({ role, blocks: [...blocks] })
  }
}

/** Blank texts are invalid beside other blocks; a message of nothing else is the client's to answer for. */
function withoutBlank(blocks: readonly Block[]): readonly Block[] {
  const filled = blocks.filter((block) => !isBlank(block))
  return filled.length > 0 ? filled : [textBlock(blocks.map(({ text }) => text ?? '').join(''))]
}

/** The API refuses white space at the end of an answer that it must continue. */
function trimLast(messages: Message[]): void {
  const last = messages.at(-1)
  const block = last?.blocks.at(-1)
  if (last?.role !== 'assistant' || typeof block?.text !== 'string') return
  last.blocks[last.blocks.length - 1] = textBlock(block.text.trimEnd())
}
