import { parseLossless } from '../../../../kernel/json/lossless.ts'
import {
  type BlockHead,
  type BlockKind,
  type MessageEnding,
  type MessageError,
  type MessageHead,
  type MessageWriter,
  usageFields,
} from '../shared/message-shape.ts'
import { callInput } from './call-arguments.ts'

interface GrowingBlock {
  readonly head: BlockHead
  text: string
}

/** Collects a message into the JSON body of an answer that is not streamed. */
export class MessageBody implements MessageWriter {
  readonly #requestId: string
  readonly #blocks: GrowingBlock[] = []
  #head: MessageHead | undefined
  readonly #putsTextFirst: boolean
  #signature = ''
  #body: string | undefined

  /**
   * @param requestId for error bodies
   * @param putsTextFirst whether thinking follows the first text: clients that have not requested thinking read
   * `content[0].text`
   */
  constructor(requestId: string, putsTextFirst = false) {
    this.#requestId = requestId
    this.#putsTextFirst = putsTextFirst
  }

  /** Returns the whole body, once; '' before the message is complete. */
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

  append(index: number, _kind: BlockKind, text: string): void {
    const block = this.#blocks[index]
    if (block !== undefined) block.text += text
  }

  close(): void {}

  sign(signature: string): void {
    this.#signature = signature
  }

  finish({ stopReason, stopSequence, usage }: MessageEnding): void {
    if (this.#putsTextFirst) this.#moveText()
    const content = this.#blocks.map(({ head, text }) => finishedBlock(head, text, this.#signature))
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

  /** Clients that call tools select blocks by type and preserve the model's order. */
  #moveText(): void {
    if (this.#blocks.some(({ head }) => head.kind === 'tool_use')) return
    const at = this.#blocks.findIndex(({ head }) => head.kind === 'text')
    if (at > 0) this.#blocks.unshift(...this.#blocks.splice(at, 1))
  }
}

function finishedBlock(head: BlockHead, text: string, signature: string): object {
  switch (head.kind) {
    case 'text':
      return { type: 'text', text }
    case 'thinking':
      return { type: 'thinking', thinking: text, signature }
    case 'tool_use':
      return { type: 'tool_use', id: head.id, name: head.name, input: callInput(text, parseLossless) }
  }
}
