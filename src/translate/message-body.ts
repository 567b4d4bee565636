import { parseLossless } from '../json/lossless.ts'
import { isObject } from './json-fields.ts'
import {
  type BlockHead,
  type BlockKind,
  type MessageEnding,
  type MessageError,
  type MessageHead,
  type MessageWriter,
  usageFields,
} from './message-shape.ts'

interface GrowingBlock {
  readonly head: BlockHead
  text: string
}

/** Gathers a message into the JSON body of an answer that is no stream. */
export class MessageBody implements MessageWriter {
  readonly #requestId: string
  readonly #blocks: GrowingBlock[] = []
  #head: MessageHead | undefined
  #body: string | undefined

  /** @param requestId told in errors */
  constructor(requestId: string) {
    this.#requestId = requestId
  }

  /** The whole body, once; '' before the message is complete. */
  take(): string {
    const body = this.#body ?? ''
    this.#body = undefined
    return body
  }

  start(head: MessageHead): void {
    this.#head = head
  }

  open(_index: number, head: BlockHead): void {
    this.#blocks.push({ head, text: '' })
  }

  append(index: number, _kind: BlockKind, piece: string): void {
    const block = this.#blocks[index]
    if (block !== undefined) block.text += piece
  }

  close(): void {}

  finish({ stopReason, stopSequence, usage }: MessageEnding): void {
    const content = this.#blocks.map(({ head, text }) => finishedBlock(head, text))
    this.#body = JSON.stringify({
      id: this.#head?.id,
      type: 'message',
      role: 'assistant',
      model: this.#head?.model,
      content: content.length === 0 ? [{ type: 'text', text: '' }] : content,
      stop_reason: stopReason,
      stop_sequence: stopSequence,
      usage: usageFields(usage),
    })
  }

  fail(error: MessageError): void {
    this.#body = JSON.stringify({ type: 'error', error, request_id: this.#requestId })
  }
}

function finishedBlock(head: BlockHead, text: string): object {
  switch (head.kind) {
    case 'text':
      return { type: 'text', text }
    case 'thinking':
      return { type: 'thinking', thinking: text, signature: '' }
    case 'tool_use':
      return { type: 'tool_use', id: head.id, name: head.name, input: toolInput(text) }
  }
}

/** Arguments that are no JSON object, cut off or badly made, cannot be told here: the tool's schema refuses none. */
function toolInput(text: string): object {
  try {
    const input = parseLossless(text)
    return isObject(input) ? input : {}
  } catch {
    return {}
  }
}
