import { parseLossless } from '../../../../kernel/json/lossless.ts'
import { callInput } from '../../../hub/calls/call-input.ts'
import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
} from '../../../hub/contract/answer.ts'
import { failureError } from '../../errors/upstream-error.ts'
import { type MessageCall, messageStop, usageFields } from './message-shape.ts'

interface GrowingBlock {
  readonly head: BlockHead
  text: string
  /** Of thinking. */
  signature: string
}

/** Collects a message into the JSON body of an answer that is not streamed. */
export class MessageBody implements AnswerWriter {
  readonly #call: MessageCall
  readonly #blocks: GrowingBlock[] = []
  #head: AnswerHead | undefined
  readonly #putsTextFirst: boolean
  #signature = ''
  #body: string | undefined

  /**
   * @param putsTextFirst whether thinking follows the first text: clients that have not requested thinking read
   * `content[0].text`
   */
  constructor(call: MessageCall, putsTextFirst = false) {
    this.#call = call
    this.#putsTextFirst = putsTextFirst
  }

  /** Returns the whole body, once; '' before the message is complete. */
  take(): string {
    const body = this.#body ?? ''
    this.#body = undefined
    return body
  }

  start(head: AnswerHead): void {
    this.#head = head
  }

  open(_index: number, head: BlockHead): void {
    this.#blocks.push({ head, text: '', signature: '' })
  }

  append(index: number, _kind: BlockKind, text: string): void {
    const block = this.#blocks[index]
    if (block !== undefined) block.text += text
  }

  close(index: number): void {
    const block = this.#blocks[index]
    if (block !== undefined) block.signature = this.#signature
  }

  sign(signature: string): void {
    this.#signature = signature
  }

  finish(ending: AnswerEnding): void {
    if (this.#putsTextFirst) this.#moveText()
    const content: object[] = []
    for (const block of this.#blocks) content.push(finishedBlock(block))
    const { stop_reason, stop_sequence } = messageStop(ending)
    this.#body = JSON.stringify({
      id: this.#call.messageId,
      type: 'message',
      role: 'assistant',
      model: this.#head?.model,
      content: content.length === 0 ? [{ type: 'text', text: '' }] : content,
      stop_reason,
      stop_sequence,
      usage: usageFields(ending.usage),
    })
  }

  fail(failure: AnswerFailure): void {
    const { requestId, size } = this.#call
    this.#body = JSON.stringify({ type: 'error', error: failureError(failure, size), request_id: requestId })
  }

  /** Clients that call tools select blocks by type and preserve the model's order. */
  #moveText(): void {
    if (this.#blocks.some(({ head }) => head.kind === 'call')) return
    const at = this.#blocks.findIndex(({ head }) => head.kind === 'text')
    if (at > 0) this.#blocks.unshift(...this.#blocks.splice(at, 1))
  }
}

function finishedBlock({ head, text, signature }: GrowingBlock): object {
  switch (head.kind) {
    case 'text':
    case 'refusal':
      return { type: 'text', text }
    case 'thinking':
      return { type: 'thinking', thinking: text, signature }
    case 'call':
      return { type: 'tool_use', id: head.id, name: head.name, input: callInput(text, parseLossless) }
  }
}
