import type { GatheredAnswer, WholeAnswer } from '../variants/request-variant.ts'
import type { AnswerWriter } from './contract/answer.ts'
import type { Format, FormatCall } from './format.ts'
import { failedAnswer } from './parts/failure.ts'

/** Error bodies are small; the start of a larger one is enough. */
const maxErrorBytes = 65_536
/** Statuses with which servers report a full context. */
const fullStatuses: ReadonlySet<number> = new Set([400, 413, 422, 500])

/**
 * An endpoint's error for a client that streams, in an API whose clients act on some failures only inside a stream.
 * @returns undefined if the API has no such failures
 */
export function refusedAnswer(
  statusCode: number,
  format: Pick<Format, 'writeAnswer' | 'streamType'>,
  call: FormatCall,
): GatheredAnswer | undefined {
  if (!call.isStream || !fullStatuses.has(statusCode)) return undefined
  const writer = format.writeAnswer(call)
  return writer.streamsFailure === undefined ? undefined : new RefusedAnswer(statusCode, writer, format, call)
}

class RefusedAnswer implements GatheredAnswer {
  readonly #statusCode: number
  readonly #writer: AnswerWriter
  readonly #format: Pick<Format, 'writeAnswer' | 'streamType'>
  readonly #call: FormatCall
  readonly #chunks: Buffer[] = []
  #bytes = 0

  constructor(
    statusCode: number,
    writer: AnswerWriter,
    format: Pick<Format, 'writeAnswer' | 'streamType'>,
    call: FormatCall,
  ) {
    this.#statusCode = statusCode
    this.#writer = writer
    this.#format = format
    this.#call = call
  }

  push(chunk: Buffer): void {
    if (this.#bytes >= maxErrorBytes) return
    this.#chunks.push(chunk.subarray(0, maxErrorBytes - this.#bytes))
    this.#bytes += chunk.length
  }

  end(): WholeAnswer {
    const failure = failedAnswer(this.#statusCode, Buffer.concat(this.#chunks).toString('utf8'))
    const isStreamed = this.#writer.streamsFailure?.(failure) === true
    const writer = isStreamed ? this.#writer : this.#format.writeAnswer({ ...this.#call, isStream: false })
    writer.fail(failure)
    return {
      statusCode: isStreamed ? 200 : failure.statusCode,
      headers: ['Content-Type', isStreamed ? this.#format.streamType : 'application/json; charset=utf-8'],
      body: Buffer.from(writer.take()),
    }
  }
}
