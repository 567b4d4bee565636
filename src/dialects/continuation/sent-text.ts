import type { AnswerTransform } from '../../kernel/stream/answer-transform.ts'
import { SseReader } from '../../kernel/stream/sse-reader.ts'
import { isObject, type JsonObject, parseObject } from './json.ts'

/** What identifies a stream to its client. */
export interface StreamIdentity {
  readonly id: unknown
  readonly model: unknown
  readonly created: unknown
}

/**
 * Reads the text of an event.
 * @returns '' if it has none; undefined if the stream cannot be continued after it
 */
export type ReadText = (event: JsonObject) => string | undefined

const lineFeed = 0x0a
const notSpace = /\S/
const noBytes: Buffer = Buffer.alloc(0)
const eventEnd = Buffer.from('\n\n')
const windowsEnd = Buffer.from('\r\n\r\n')

/**
 * Keeps the text of a stream as the client gets it, so that another endpoint can continue it. Passes whole events only:
 * a stream that breaks off must not leave half an event.
 */
export class SentText implements AnswerTransform {
  readonly #isLines: boolean
  readonly #readText: ReadText
  readonly #maxBytes: number
  readonly #reader: SseReader
  #parts: Buffer[] = []
  #heldBytes = 0
  #texts: string[] = []
  #textLength = 0
  #identity: StreamIdentity | undefined
  #isContinuable = true
  #textEvents = 0
  /** Number of events up to the last text that is not white space: about the number of tokens. */
  tokens = 0

  constructor(isLines: boolean, readText: ReadText, maxBytes: number) {
    this.#isLines = isLines
    this.#readText = readText
    this.#maxBytes = maxBytes
    this.#reader = new SseReader((data) => this.#event(data.toString('utf8')), maxBytes)
  }

  /** Undefined unless the stream can be continued after what was sent. */
  get text(): string | undefined {
    const text = this.#isContinuable ? this.#texts.join('') : ''
    return text === '' ? undefined : text
  }

  get identity(): StreamIdentity | undefined {
    return this.#identity
  }

  push(chunk: Buffer): Buffer {
    if (!this.#isContinuable && this.#heldBytes === 0) return chunk
    this.#parts.push(chunk)
    this.#heldBytes += chunk.length
    if (!this.#isContinuable || this.#heldBytes > this.#maxBytes) {
      this.#stop()
      return this.#take()
    }
    if (!chunk.includes(lineFeed)) return noBytes
    const bytes = this.#take()
    const end = this.#endOf(bytes)
    if (end < bytes.length) {
      this.#parts = [bytes.subarray(end)]
      this.#heldBytes = bytes.length - end
    }
    const whole = bytes.subarray(0, end)
    if (this.#isLines) for (const line of whole.toString('utf8').split('\n')) this.#event(line)
    else this.#reader.push(whole)
    return whole
  }

  end(): Buffer {
    return this.#take()
  }

  /** Drops the beginning of an event that will not be completed. */
  drop(): void {
    this.#take()
  }

  #endOf(bytes: Buffer): number {
    if (this.#isLines) return bytes.lastIndexOf(lineFeed) + 1
    const plain = bytes.lastIndexOf(eventEnd)
    const windows = bytes.lastIndexOf(windowsEnd)
    return Math.max(plain < 0 ? 0 : plain + eventEnd.length, windows < 0 ? 0 : windows + windowsEnd.length)
  }

  #take(): Buffer {
    const [first = noBytes] = this.#parts
    const all = this.#parts.length > 1 ? Buffer.concat(this.#parts) : first
    this.#parts = []
    this.#heldBytes = 0
    return all
  }

  #event(data: string): void {
    if (!this.#isContinuable || data.trim() === '') return
    const event = parseObject(data)
    const text = event === undefined ? undefined : this.#readText(event)
    if (event === undefined || text === undefined) {
      this.#stop()
      return
    }
    this.#identity ??= { id: event.id, model: event.model, created: event.created }
    if (text === '') return
    this.#textEvents++
    if (notSpace.test(text)) this.tokens = this.#textEvents
    this.#texts.push(text)
    this.#textLength += text.length
    if (this.#textLength > this.#maxBytes) this.#stop()
  }

  #stop(): void {
    this.#isContinuable = false
    this.#texts = []
  }
}

/** Text of a chat or of a completion. */
export function choiceText(event: JsonObject): string | undefined {
  const { choices, error } = event
  if (error !== undefined && error !== null) return undefined
  if (!Array.isArray(choices) || choices.length === 0) return ''
  const [choice]: readonly unknown[] = choices
  if (choices.length > 1 || !isObject(choice)) return undefined
  const { index, finish_reason: finish, logprobs, delta, text } = choice
  if ((index !== undefined && index !== 0) || isFilled(finish) || isFilled(logprobs)) return undefined
  if (typeof text === 'string') return text
  return isObject(delta) ? messageText(delta) : ''
}

/** Text of the first block of a message. */
export function blockText(event: JsonObject): string | undefined {
  const { type, index, content_block: block, delta } = event
  if (type === 'message_start' || type === 'ping') return ''
  const part = type === 'content_block_start' ? block : type === 'content_block_delta' ? delta : undefined
  if (index !== 0 || !isObject(part) || typeof part.text !== 'string') return undefined
  return part.type === 'text' || part.type === 'text_delta' ? part.text : undefined
}

/** Text of a line of Ollama's chat. */
export function lineText({ message, done, error, logprobs }: JsonObject): string | undefined {
  if (done === true || error !== undefined || isFilled(logprobs)) return undefined
  return isObject(message) ? messageText(message) : undefined
}

function messageText(message: JsonObject): string | undefined {
  const { role: _role, content, ...others } = message
  if (Object.values(others).some(isFilled)) return undefined
  return typeof content === 'string' ? content : isFilled(content) ? undefined : ''
}

function isFilled(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false
  return !(Array.isArray(value) && value.length === 0)
}
