import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import type { AnswerTransform } from '../../../../kernel/stream/answer-transform.ts'

/** Largest message without streaming that is read; answers are text. */
const maxBytes = 67_108_864
const noBytes: Buffer = Buffer.alloc(0)

/** Converts a whole message to the stream of events that the client requested. */
export class WholeMessageEvents implements AnswerTransform {
  readonly #requestId: string
  readonly #model: string | undefined
  readonly #chunks: Buffer[] = []
  #bytes = 0
  hasFailed = false

  /** @param model the client's name for it; undefined keeps the endpoint's */
  constructor(requestId: string, model: string | undefined) {
    this.#requestId = requestId
    this.#model = model
  }

  get heldBytes(): number {
    return this.#bytes
  }

  push(chunk: Buffer): Buffer {
    if (this.hasFailed) return noBytes
    this.#bytes += chunk.length
    if (this.#bytes > maxBytes) {
      this.#chunks.length = 0
      return this.#fail('The answer of the endpoint is too large.')
    }
    this.#chunks.push(chunk)
    return noBytes
  }

  end(): Buffer {
    if (this.hasFailed) return noBytes
    const message = parsed(Buffer.concat(this.#chunks).toString('utf8'))
    if (message?.type === 'message') return Buffer.from(events(message, this.#model))
    return this.#fail('The endpoint sent something that is not a message.')
  }

  #fail(message: string): Buffer {
    this.hasFailed = true
    const error = { type: 'api_error', message }
    return Buffer.from(event('error', { error, request_id: this.#requestId }))
  }
}

function events(message: JsonObject, model: string | undefined): string {
  const { stop_reason, stop_sequence, ...head } = message
  const usage = objectField(message, 'usage') ?? {}
  const start = {
    ...head,
    ...(model === undefined ? {} : { model }),
    content: [],
    stop_reason: null,
    stop_sequence: null,
  }
  const blocks = listField(message, 'content').filter(isObject)
  return [
    event('message_start', { message: { ...start, usage: { ...usage, output_tokens: 0 } } }),
    ...blocks.map((block, index) => blockEvents(block, index)),
    event('message_delta', { delta: { stop_reason, stop_sequence: stop_sequence ?? null }, usage }),
    event('message_stop', {}),
  ].join('')
}

function blockEvents(block: JsonObject, index: number): string {
  const { empty, deltas } = splitBlock(block)
  return [
    event('content_block_start', { index, content_block: empty }),
    ...deltas.map((delta) => event('content_block_delta', { index, delta })),
    event('content_block_stop', { index }),
  ].join('')
}

/** A block as its start event contains it, and the deltas that follow. */
function splitBlock(block: JsonObject): { empty: JsonObject; deltas: JsonObject[] } {
  switch (block.type) {
    case 'text':
      return {
        empty: { ...block, text: '' },
        deltas: [{ type: 'text_delta', text: textField(block, 'text') ?? '' }],
      }
    case 'thinking':
      return {
        empty: { ...block, thinking: '', signature: '' },
        deltas: [
          { type: 'thinking_delta', thinking: textField(block, 'thinking') ?? '' },
          { type: 'signature_delta', signature: textField(block, 'signature') ?? '' },
        ],
      }
    case 'tool_use':
      return {
        empty: { ...block, input: {} },
        deltas: [{ type: 'input_json_delta', partial_json: JSON.stringify(block.input ?? {}) }],
      }
    default:
      return { empty: block, deltas: [] }
  }
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
