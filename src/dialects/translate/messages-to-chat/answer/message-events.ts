import {
  type BlockHead,
  type BlockKind,
  type MessageEnding,
  type MessageError,
  type MessageHead,
  type MessageWriter,
  usageFields,
} from '../shared/message-shape.ts'

const deltas: Readonly<Record<BlockKind, readonly [type: string, field: string]>> = {
  text: ['text_delta', 'text'],
  thinking: ['thinking_delta', 'thinking'],
  tool_use: ['input_json_delta', 'partial_json'],
}

/** Writes a message as Anthropic's event stream. */
export class MessageEvents implements MessageWriter {
  readonly #requestId: string
  #pending = ''
  #signature = ''

  /** @param requestId for error events */
  constructor(requestId: string) {
    this.#requestId = requestId
  }

  /** Returns the events since the last call. */
  take(): string {
    const text = this.#pending
    this.#pending = ''
    return text
  }

  start({ id, model, usage }: MessageHead): void {
    const message = {
      id,
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

  finish({ stopReason, stopSequence, usage }: MessageEnding): void {
    const delta = { stop_reason: stopReason, stop_sequence: stopSequence }
    this.#event('message_delta', { delta, usage: usageFields(usage) })
    this.#event('message_stop', {})
  }

  fail(error: MessageError): void {
    this.#event('error', { error, request_id: this.#requestId })
  }

  #event(type: string, fields: object): void {
    this.#pending += `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
  }
}

function emptyBlock(block: BlockHead): object {
  switch (block.kind) {
    case 'text':
      return { type: 'text', text: '' }
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' }
    case 'tool_use':
      return { type: 'tool_use', id: block.id, name: block.name, input: {} }
  }
}
