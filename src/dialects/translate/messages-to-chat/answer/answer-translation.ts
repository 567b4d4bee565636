import type { AnswerTransform } from '../../../../kernel/stream/answer-transform.ts'
import { SseReader } from '../../../../kernel/stream/sse-reader.ts'
import { errorOfEvent } from '../../../answers/whole-answer.ts'
import { type UpstreamError, unreadAnswerError } from '../errors/upstream-error.ts'
import type { MessageWriter } from '../shared/message-shape.ts'
import { ChatReader, type ExpectedAnswer } from './chat-reader.ts'
import { MessageBody } from './message-body.ts'
import { MessageEvents } from './message-events.ts'

/** Collects a translated answer. */
interface MessageOutput extends MessageWriter {
  /** Returns what was written since the last call. */
  take(): string
}

/** The framing of an answer, from the endpoint or to the client. */
export type AnswerFraming = 'stream' | 'whole'

/** Translates an answer while it streams. */
export interface AnswerTranslation extends AnswerTransform {
  /** Why the answer failed, with the status that the endpoint should have used. */
  readonly failure: UpstreamError | undefined
  /** Undefined while the answer is incomplete. */
  readonly outcome: 'complete' | 'failed' | undefined
}

/** Largest completion without streaming that is read; answers are text. */
const maxWholeBytes = 67_108_864
/** Number of bytes kept of an answer that is not readable, because its beginning says why. */
const maxUnreadBytes = 16_384
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Translates a chat completion to a message. A server may answer a streaming request with a whole completion, or the
 * other way round.
 * @param from framing of the endpoint's answer
 * @param to framing that the client expects
 */
export function translateAnswer(
  from: AnswerFraming,
  to: AnswerFraming,
  expected: ExpectedAnswer,
): AnswerTranslation {
  const { requestId } = expected
  const output =
    to === 'stream'
      ? new MessageEvents(requestId)
      : new MessageBody(requestId, expected.thinking === 'default')
  if (from === 'whole') return new WholeChat(output, expected)
  return new StreamedChat(output, expected, to === 'whole' ? maxWholeBytes : Number.POSITIVE_INFINITY)
}

class StreamedChat implements AnswerTranslation {
  readonly #output: MessageOutput
  readonly #chat: ChatReader
  readonly #reader: SseReader
  readonly #expected: ExpectedAnswer
  /** The bytes before the first readable content. */
  #unread: Buffer[] = []
  #unreadBytes = 0
  readonly #maxBytes: number
  #bytes = 0

  /** @param maxBytes a longer answer fails */
  constructor(output: MessageOutput, expected: ExpectedAnswer, maxBytes: number) {
    this.#output = output
    this.#expected = expected
    this.#maxBytes = maxBytes
    this.#chat = new ChatReader(output, expected)
    this.#reader = new SseReader((data, name) => this.#event(data.toString('utf8'), name))
  }

  get outcome(): 'complete' | 'failed' | undefined {
    return this.#chat.outcome
  }

  get failure(): UpstreamError | undefined {
    return this.#chat.failure
  }

  get hasFailed(): boolean {
    return this.#chat.outcome === 'failed'
  }

  push(chunk: Buffer): Buffer {
    if (this.#chat.outcome === 'failed') return noBytes
    if (!this.#chat.hasContent) this.#keepUnread(chunk)
    this.#reader.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.#chat.fail(tooLarge('The answer of the endpoint is too large.'))
    if (this.#reader.hasLargeEvent) this.#chat.fail(tooLarge('The endpoint sent an event that is too large.'))
    return bytesOf(this.#output.take())
  }

  end(): Buffer {
    this.#reader.end()
    this.#checkUnread()
    this.#chat.end()
    return bytesOf(this.#output.take())
  }

  #event(data: string, name: string): void {
    const text = data.trim()
    if (text === '') return
    if (text === '[DONE]') {
      this.#checkUnread()
      this.#chat.done()
    } else {
      pushJson(this.#chat, name === 'error' ? (errorOfEvent(text).body ?? text) : text, this.#expected)
    }
    if (this.#chat.hasContent) this.#unread = []
  }

  #keepUnread(chunk: Buffer): void {
    if (this.#unreadBytes >= maxUnreadBytes) return
    this.#unread.push(Buffer.from(chunk.subarray(0, maxUnreadBytes - this.#unreadBytes)))
    this.#unreadBytes += chunk.length
  }

  /** An answer without content may report an error outside of an event. */
  #checkUnread(): void {
    if (this.#chat.outcome !== undefined || this.#chat.hasContent || this.#unread.length === 0) return
    const error = unreadAnswerError(Buffer.concat(this.#unread).toString('utf8'), this.#expected)
    if (error !== undefined) this.#chat.fail(error)
  }
}

class WholeChat implements AnswerTranslation {
  readonly #output: MessageOutput
  readonly #chat: ChatReader
  readonly #expected: ExpectedAnswer
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(output: MessageOutput, expected: ExpectedAnswer) {
    this.#output = output
    this.#expected = expected
    this.#chat = new ChatReader(output, expected)
  }

  get heldBytes(): number {
    return this.#bytes
  }

  get outcome(): 'complete' | 'failed' | undefined {
    return this.#chat.outcome
  }

  get failure(): UpstreamError | undefined {
    return this.#chat.failure
  }

  get hasFailed(): boolean {
    return this.#chat.outcome === 'failed'
  }

  push(chunk: Buffer): Buffer {
    if (this.#chat.outcome === 'failed') return noBytes
    this.#bytes += chunk.length
    if (this.#bytes <= maxWholeBytes) {
      this.#chunks.push(chunk)
      return noBytes
    }
    this.#chunks = []
    this.#chat.fail(tooLarge('The answer of the endpoint is too large.'))
    return bytesOf(this.#output.take())
  }

  end(): Buffer {
    if (this.#chat.outcome === undefined) {
      pushJson(this.#chat, Buffer.concat(this.#chunks, this.#bytes).toString('utf8'), this.#expected)
      this.#chat.done()
    }
    return bytesOf(this.#output.take())
  }
}

function pushJson(chat: ChatReader, text: string, expected: ExpectedAnswer): void {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const reported = chat.hasContent ? undefined : unreadAnswerError(text.slice(0, maxUnreadBytes), expected)
    const message = 'The endpoint sent something that is not JSON.'
    chat.fail(reported ?? { statusCode: 502, type: 'api_error', message })
    return
  }
  chat.push(value)
}

function tooLarge(message: string): UpstreamError {
  return { statusCode: 502, type: 'api_error', message }
}

function bytesOf(text: string): Buffer {
  return text === '' ? noBytes : Buffer.from(text)
}
