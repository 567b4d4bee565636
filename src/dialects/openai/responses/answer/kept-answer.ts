import { framingOf } from '../../../../http/headers/media-type.ts'
import { headerValue, type UpstreamHead } from '../../../../http/headers/response-headers.ts'
import { isObject, type JsonObject, listField, textField } from '../../../../kernel/json/json-fields.ts'
import type { AnswerTransform } from '../../../../kernel/stream/answer-transform.ts'
import { SseReader } from '../../../../kernel/stream/sse-reader.ts'
import type { EndedAnswer } from '../../../hub/format.ts'
import { parseJson } from '../request/request-values.ts'

const noBytes: Buffer = Buffer.alloc(0)
/** Largest answer without a stream that is kept. */
const maxKeptBytes = 8_388_608
const holdsResponse: Buffer = Buffer.from('"response"')
/** Names of the events that end a response, which are also its possible states at the end. */
const endings: ReadonlySet<unknown> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
])
const unfinished: ReadonlySet<unknown> = new Set(['queued', 'in_progress'])

/**
 * Keeps the response of an endpoint that keeps none, while its bytes pass unchanged.
 * @returns undefined for an answer that is no readable response
 */
export function keptAnswer(
  { statusCode, headers }: UpstreamHead,
  store: (answer: EndedAnswer) => void,
): AnswerTransform | undefined {
  if (statusCode >= 300 || headerValue(headers, 'content-encoding') !== undefined) return undefined
  const framing = framingOf(headerValue(headers, 'content-type'))
  if (framing === 'sse') return new KeptStream(store)
  if (framing !== 'json') return undefined
  return new KeptWhole(Number(headerValue(headers, 'content-length')), store)
}

/** The last event of a stream contains the whole response. */
class KeptStream implements AnswerTransform {
  readonly #reader: SseReader

  constructor(store: (answer: EndedAnswer) => void) {
    this.#reader = new SseReader((data) => {
      if (!data.includes(holdsResponse)) return
      const event = parseJson(data.toString('utf8'))
      if (!isObject(event) || !endings.has(event.type) || !isObject(event.response)) return
      store(endedAnswer(event.response, JSON.stringify(event.response)))
    })
  }

  push(chunk: Buffer): Buffer {
    this.#reader.push(chunk)
    return chunk
  }

  end(): Buffer {
    this.#reader.end()
    return noBytes
  }
}

class KeptWhole implements AnswerTransform {
  /** NaN if unknown. */
  readonly #lengthBytes: number
  readonly #store: (answer: EndedAnswer) => void
  #chunks: Buffer[] = []
  #bytes = 0
  #isOver = false

  constructor(lengthBytes: number, store: (answer: EndedAnswer) => void) {
    this.#lengthBytes = lengthBytes
    this.#store = store
  }

  push(chunk: Buffer): Buffer {
    if (this.#isOver) return chunk
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > maxKeptBytes) this.#drop()
    // The client may send its next request before the answer of this one has ended here.
    else if (this.#bytes === this.#lengthBytes) this.#finish()
    return chunk
  }

  end(): Buffer {
    if (!this.#isOver) this.#finish()
    return noBytes
  }

  #finish(): void {
    const text = Buffer.concat(this.#chunks).toString('utf8')
    this.#drop()
    const response = parseJson(text)
    if (!isObject(response) || !Array.isArray(response.output) || unfinished.has(response.status)) return
    this.#store(endedAnswer(response, text))
  }

  #drop(): void {
    this.#isOver = true
    this.#chunks = []
  }
}

export function endedAnswer(response: JsonObject, text: string): EndedAnswer {
  const itemIds = listField(response, 'output').flatMap((item) =>
    isObject(item) ? (textField(item, 'id') ?? []) : [],
  )
  return { id: textField(response, 'id') ?? '', text, itemIds }
}
