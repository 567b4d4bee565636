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

const deltas: Readonly<Record<BlockKind, readonly [type: string, field: string]>> = {
  text: ['text_delta', 'text'],
  thinking: ['thinking_delta', 'thinking'],
  refusal: ['text_delta', 'text'],
  call: ['input_json_delta', 'partial_json'],
}

/** Writes a message as Anthropic's event stream. */
export class MessageEvents implements AnswerWriter {
  readonly #call: MessageCall
  #pending = ''
  #signature = ''

  constructor(call: MessageCall) {
    this.#call = call
  }

  /** Returns the events since the last call. */
  take(): string {
    const text = this.#pending
    this.#pending = ''
    return text
  }

  start({ model, usage }: AnswerHead): void {
    const message = {
      id: this.#call.messageId,
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: usageFields(usage),
    }
    this.#event('message_start', { message })
  }

  open(index: number, block: BlockHead): void {
    this.#event('content_block_start', { index, content_block: emptyBlock(block) })
  }

  append(index: number, kind: BlockKind, text: string): void {
    const [type, field] = deltas[kind]
    // Called for every token, so it only builds a string.
    this.#pending += `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},"delta":{"type":"${type}","${field}":${JSON.stringify(text)}}}\n\n`
  }

  close(index: number, kind: BlockKind): void {
    if (kind === 'thinking') {
      this.#event('content_block_delta', {
        index,
        delta: { type: 'signature_delta', signature: this.#signature },
      })
    }
    this.#event('content_block_stop', { index })
  }

  sign(signature: string): void {
    this.#signature = signature
  }

  finish(ending: AnswerEnding): void {
    this.#event('message_delta', { delta: messageStop(ending), usage: usageFields(ending.usage) })
    this.#event('message_stop', {})
  }

  fail(failure: AnswerFailure): void {
    const { requestId, size } = this.#call
    this.#event('error', { error: failureError(failure, size), request_id: requestId })
  }

  #event(type: string, fields: object): void {
    this.#pending += `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
  }
}

function emptyBlock(block: BlockHead): object {
  switch (block.kind) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: '' }
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'call':
      return { type: 'tool_use', id: block.id, name: block.name, input: {} }
  }
}
