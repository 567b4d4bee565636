import { isObject } from '../../../kernel/json/json-fields.ts'
import { parseLossless } from '../../../kernel/json/lossless.ts'
import type { AnswerTransform } from '../../../kernel/stream/answer-transform.ts'
import type { StreamFraming } from '../../../kernel/stream/framing.ts'
import { SseReader } from '../../../kernel/stream/sse-reader.ts'
import { errorOfEvent } from '../../errors/bad-answer.ts'
import type { AnswerFailure, AnswerWriter } from '../contract/answer.ts'
import { failureInText } from '../parts/failure.ts'
import { AnswerBuilder, brokenAnswer, type Expected } from './answer-builder.ts'
import type { AnswerReader } from './answer-reader.ts'
import { LineReader } from './line-reader.ts'

/** Translates an answer while it streams. */
export interface AnswerTranslation extends AnswerTransform {
  /** Why the answer failed. */
  readonly failure: AnswerFailure | undefined
  /** Undefined while the answer is incomplete. */
  readonly outcome: 'complete' | 'failed' | undefined
}

/** Largest answer without streaming that is read; answers are text. */
const maxWholeBytes = 67_108_864
/** Number of bytes kept of an answer that is not readable, because its beginning says why. */
const maxUnreadBytes = 16_384
const noBytes: Buffer = Buffer.alloc(0)

/**
 * Translates an endpoint's answer. A server may answer a streaming request with a whole answer, or the other way round.
 * @param from how the endpoint sends its answer
 * @param format of the endpoint
 * @param isWhole whether the client receives the answer whole
 */
export function translateAnswer(
  from: StreamFraming | 'whole',
  format: { readAnswer(builder: AnswerBuilder): AnswerReader },
  writer: AnswerWriter,
  expected: Expected,
  isWhole: boolean,
): AnswerTranslation {
  const builder = new AnswerBuilder(writer, expected)
  const source = { builder, reader: format.readAnswer(builder), writer }
  if (from === 'whole') return new WholeTranslation(source)
  return new StreamTranslation(source, from, isWhole ? maxWholeBytes : Number.POSITIVE_INFINITY)
}

interface Source {
  readonly builder: AnswerBuilder
  readonly reader: AnswerReader
  readonly writer: AnswerWriter
}

class StreamTranslation implements AnswerTranslation {
  readonly #source: Source
  readonly #builder: AnswerBuilder
  readonly #events: SseReader | LineReader
  /** The bytes before the first readable content. */
  #unread: Buffer[] = []
  #unreadBytes = 0
  readonly #maxBytes: number
  #bytes = 0

  /** @param maxBytes a longer answer fails */
  constructor(source: Source, framing: StreamFraming, maxBytes: number) {
    this.#source = source
    this.#builder = source.builder
    this.#maxBytes = maxBytes
    const push = (data: Buffer, name: string) => this.#event(data.toString('utf8'), name)
    this.#events = framing === 'sse' ? new SseReader(push) : new LineReader((line) => push(line, ''))
  }

  get outcome(): 'complete' | 'failed' | undefined {
    return this.#builder.outcome
  }

  get failure(): AnswerFailure | undefined {
    return this.#builder.failure
  }

  get hasFailed(): boolean {
    return this.#builder.outcome === 'failed'
  }

  push(chunk: Buffer): Buffer {
    if (this.hasFailed) return noBytes
    if (!this.#builder.hasContent) this.#keepUnread(chunk)
    this.#events.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.#fail('The answer of the endpoint is too large.')
    if (this.#events.hasLargeEvent) this.#fail('The endpoint sent an event that is too large.')
    return bytesOf(this.#source.writer.take())
  }

  end(): Buffer {
    this.#events.end()
    this.#checkUnread()
    this.#builder.end()
    return bytesOf(this.#source.writer.take())
  }

  #fail(message: string): void {
    this.#builder.fail(brokenAnswer(message))
  }

  #event(data: string, name: string): void {
    const text = data.trim()
    if (text === '') return
    if (text === '[DONE]') {
      this.#checkUnread()
      this.#builder.done()
    } else pushJson(this.#source, name === 'error' ? (errorOfEvent(text).body ?? text) : text, name, false)
    if (this.#builder.hasContent) this.#unread = []
  }

  #keepUnread(chunk: Buffer): void {
    if (this.#unreadBytes >= maxUnreadBytes) return
    this.#unread.push(Buffer.from(chunk.subarray(0, maxUnreadBytes - this.#unreadBytes)))
    this.#unreadBytes += chunk.length
  }

  /** An answer without content may report an error outside of an event. */
  #checkUnread(): void {
    if (this.outcome !== undefined || this.#builder.hasContent || this.#unread.length === 0) return
    const failure = failureInText(Buffer.concat(this.#unread).toString('utf8'))
    if (failure !== undefined) this.#builder.fail(failure)
  }
}

class WholeTranslation implements AnswerTranslation {
  readonly #source: Source
  /** Most answers arrive in one chunk. */
  #first = noBytes
  /** With the first one; undefined if there are no others. */
  #others: Buffer[] | undefined
  #bytes = 0

  constructor(source: Source) {
    this.#source = source
  }

  get heldBytes(): number {
    return this.#bytes
  }

  get outcome(): 'complete' | 'failed' | undefined {
    return this.#source.builder.outcome
  }

  get failure(): AnswerFailure | undefined {
    return this.#source.builder.failure
  }

  get hasFailed(): boolean {
    return this.outcome === 'failed'
  }

  push(chunk: Buffer): Buffer {
    if (this.hasFailed) return noBytes
    if (this.#bytes === 0) this.#first = chunk
    else {
      this.#others ??= [this.#first]
      this.#others.push(chunk)
    }
    this.#bytes += chunk.length
    if (this.#bytes <= maxWholeBytes) return noBytes
    this.#first = noBytes
    this.#others = undefined
    this.#source.builder.fail(brokenAnswer('The answer of the endpoint is too large.'))
    return bytesOf(this.#source.writer.take())
  }

  end(): Buffer {
    if (this.outcome === undefined) {
      const whole = this.#others === undefined ? this.#first : Buffer.concat(this.#others, this.#bytes)
      pushJson(this.#source, whole.toString('utf8'), '', true)
      this.#source.builder.done()
    }
    return bytesOf(this.#source.writer.take())
  }
}

function pushJson({ builder, reader }: Source, text: string, name: string, isWhole: boolean): void {
  if (builder.outcome !== undefined) return
  let value: unknown
  try {
    // A whole answer may contain arguments as objects, whose long integers must stay exact.
    value = isWhole ? parseLossless(text) : JSON.parse(text)
  } catch {
    const reported = builder.hasContent ? undefined : failureInText(text.slice(0, maxUnreadBytes))
    builder.fail(reported ?? brokenAnswer('The endpoint sent something that is not JSON.'))
    return
  }
  if (isObject(value)) builder.read(reader, value, name, isWhole)
  else builder.fail(brokenAnswer('The endpoint sent something that is not an answer.'))
}

function bytesOf(text: string): Buffer {
  return text === '' ? noBytes : Buffer.from(text)
}
