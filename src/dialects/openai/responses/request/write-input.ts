import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import { type SentCall, SentCalls } from '../../../hub/calls/sent-calls.ts'
import type {
  AssistantPart,
  Conversation,
  DocumentPart,
  MediaSource,
  Part,
  ThinkingPart,
  ToolResult,
  Turn,
} from '../../../hub/contract/conversation.ts'
import type { FormatTarget } from '../../../hub/format.ts'
import { documentText } from '../../../hub/parts/document-text.ts'
import { orderTurns } from '../../../hub/parts/ordered-turns.ts'
import {
  documentHead,
  failedResult,
  unreadableDocument,
  unreadableImage,
} from '../../../hub/parts/prompt-notes.ts'
import { ownSignature } from '../../../hub/parts/reasoning-signature.ts'
import { hasSeveralSpeakers, namedParts } from '../../../hub/parts/speaker-names.ts'
import { strictName, toolNameLength } from '../../../hub/parts/strict-names.ts'

export interface WrittenInput {
  readonly instructions: string
  readonly input: readonly JsonObject[]
}

/**
 * Writes turns as input items. System turns at the beginning become `instructions`; later ones stay in place.
 */
export function responsesInput({ turns: given }: Conversation, target: FormatTarget): WrittenInput {
  const turns = orderTurns(given)
  const writer = new ItemWriter(turns, target)
  turns.forEach((_, at) => {
    writer.add(at)
  })
  return writer.end()
}

class ItemWriter {
  readonly #turns: readonly Turn[]
  readonly #target: FormatTarget
  readonly #calls = new SentCalls()
  readonly #hasSpeakers: boolean
  readonly #instructions: string[] = []
  readonly #items: JsonObject[] = []

  constructor(turns: readonly Turn[], target: FormatTarget) {
    this.#turns = turns
    this.#target = target
    this.#hasSpeakers = hasSeveralSpeakers(turns)
  }

  add(at: number): void {
    const turn = this.#turns[at]
    switch (turn?.role) {
      case 'system':
        if (turn.text.trim() === '') return
        if (this.#items.length === 0) this.#instructions.push(turn.text)
        else this.#message(turn.isDeveloper ? 'developer' : 'system', turn.text)
        return
      case 'user':
        this.#user(this.#hasSpeakers ? namedParts(turn) : turn.parts)
        return
      case 'assistant':
        this.#assistant(turn.parts, this.#calls.of(this.#turns, at))
        return
      default:
      // Results follow their calls.
    }
  }

  end(): WrittenInput {
    const instructions = this.#instructions.join('\n\n')
    if (this.#items.length > 0) return { instructions, input: this.#items }
    // The API requires an input.
    this.#message('user', instructions)
    return { instructions: '', input: this.#items }
  }

  #user(parts: readonly Part[]): void {
    const content = inputContent(parts, this.#target.traits.readsFiles)
    this.#message('user', inputValue(content))
  }

  #message(role: string, content: string | readonly JsonObject[]): void {
    this.#items.push({ type: 'message', role, content })
  }

  #assistant(parts: readonly AssistantPart[], calls: readonly SentCall[]): void {
    const said = outputContent(parts)
    // Thinking must be followed by what it led to.
    if (said.length === 0 && calls.length === 0) return
    this.#reasoning(parts.filter((part) => part.kind === 'thinking'))
    if (said.length > 0) {
      const id = this.#id('msg')
      // llama.cpp refuses an assistant's content as a string; the schema requires the ID and the status.
      this.#items.push({ type: 'message', role: 'assistant', id, status: 'completed', content: said })
    }
    const { traits } = this.#target
    const maxLength = toolNameLength(traits.maxToolNameLength)
    for (const { call, id } of calls) {
      const name = strictName(call.name, maxLength)
      this.#items.push({ type: 'function_call', call_id: id, name, arguments: call.args })
    }
    const others: JsonObject[] = []
    for (const { id, result } of calls) if (result !== undefined) this.#result(id, result, others)
    if (others.length > 0) this.#message('user', others)
  }

  /**
   * Encrypted reasoning returns to the endpoint that made it. Plain reasoning is only of use to a server that reads
   * earlier thinking, which its profile says.
   */
  #reasoning(thoughts: readonly ThinkingPart[]): void {
    const { reasoningField, endpointMark } = this.#target.traits
    const plain: string[] = []
    for (const { text, signature } of thoughts) {
      const encrypted = ownSignature(signature, 'responses', endpointMark)
      if (encrypted !== undefined) this.#reasoningItem(text, encrypted)
      else if (text !== '') plain.push(text)
    }
    // One item, because llama.cpp keeps only the last one of a turn.
    if (plain.length > 0 && reasoningField !== 'none') this.#reasoningItem(plain.join('\n\n'), undefined)
  }

  #reasoningItem(text: string, encrypted: string | undefined): void {
    this.#items.push({
      type: 'reasoning',
      id: this.#id('rs'),
      summary: [],
      ...(text === '' ? {} : { content: [{ type: 'reasoning_text', text }] }),
      ...(encrypted === undefined ? {} : { encrypted_content: encrypted }),
    })
  }

  /** @param others receives what is not text: servers read only text in a result */
  #result(callId: string, { parts, isError }: ToolResult, others: JsonObject[]): void {
    const content = inputContent(parts, this.#target.traits.readsFiles)
    const texts: string[] = []
    let hasOthers = false
    for (const item of content) {
      if (item.type === 'input_text') texts.push(String(item.text))
      else {
        if (!hasOthers) others.push(inputText(`[From the result of tool call ${callId}:]`))
        hasOthers = true
        others.push(item)
      }
    }
    if (hasOthers) texts.push('[What is not text follows in the next message.]')
    const text = texts.join('\n\n')
    const output = isError ? failedResult(text) : text
    this.#items.push({ type: 'function_call_output', call_id: callId, output })
  }

  /** Counted, so that the same history always has the same IDs. */
  #id(prefix: string): string {
    return `${prefix}_${this.#items.length}`
  }
}

function inputText(text: string): JsonObject {
  return { type: 'input_text', text }
}

/** One string if all of it is text, because some servers' templates read no lists. */
function inputValue(content: readonly JsonObject[]): string | readonly JsonObject[] {
  return content.every(({ type }) => type === 'input_text')
    ? content.map(({ text }) => String(text)).join('\n\n')
    : content
}

function inputContent(parts: readonly Part[], readsFiles: boolean): JsonObject[] {
  const content: JsonObject[] = []
  for (const part of parts) {
    if (part.kind === 'text') content.push(inputText(part.text))
    else if (part.kind === 'image') {
      const url = urlOf(part.source)
      content.push(
        url === undefined
          ? inputText(unreadableImage)
          : { type: 'input_image', image_url: url, detail: part.detail ?? 'auto' },
      )
    } else if (part.kind === 'document') content.push(...documentContent(part, readsFiles))
  }
  return content
}

function outputContent(parts: readonly AssistantPart[]): JsonObject[] {
  const content: JsonObject[] = []
  for (const part of parts) {
    // A refusal too: llama.cpp knows no other type.
    const isText = part.kind === 'text' || part.kind === 'refusal'
    if (isText && part.text !== '') content.push({ type: 'output_text', text: part.text, annotations: [] })
  }
  return content
}

function documentContent({ source, name }: DocumentPart, readsFiles: boolean): JsonObject[] {
  const filename = name === undefined || name === '' ? {} : { filename: name }
  if (readsFiles && source.kind === 'url') return [{ type: 'input_file', file_url: source.url, ...filename }]
  const url = urlOf(source)
  if (readsFiles && url !== undefined)
    return [{ type: 'input_file', filename: 'document', ...filename, file_data: url }]
  const text = documentText(source)
  if (text !== undefined) return [inputText(documentHead(name)), inputText(text)]
  return [inputText(unreadableDocument(name, source.kind === 'url' ? source.url : undefined))]
}

/** The URL of an image or a document; undefined for a file in another server's store. */
function urlOf(source: MediaSource): string | undefined {
  if (source.kind === 'url') return source.url
  return source.kind === 'file' ? undefined : `data:${source.mediaType};base64,${source.data}`
}
