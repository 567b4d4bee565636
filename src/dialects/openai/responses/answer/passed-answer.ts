import { framingOf } from '../../../../http/headers/media-type.ts'
import { headerValue, type UpstreamHead } from '../../../../http/headers/response-headers.ts'
import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { AnswerTransform } from '../../../../kernel/stream/answer-transform.ts'
import { SseReader } from '../../../../kernel/stream/sse-reader.ts'
import type { EndedAnswer } from '../../../hub/format.ts'
import type { AnswerVariant } from '../../../variants/request-variant.ts'
import { parseJson } from '../request/request-values.ts'
import { endedAnswer } from './kept-answer.ts'

export interface PassedAnswerParts {
  /** What the response repeats of the client's request, in place of what the endpoint received. */
  readonly members: JsonObject
  store(answer: EndedAnswer): void
}

const noBytes: Buffer = Buffer.alloc(0)
/** Largest answer without a stream that is stored. */
const maxWholeBytes = 67_108_864
const holdsResponse: Buffer = Buffer.from('"response"')
const endings: ReadonlySet<unknown> = new Set([
  'response.completed',
  'response.incomplete',
  'response.failed',
])

/**
 * The answer of an endpoint with the Responses API to a request that continues what the gateway has stored: names for
 * the client what it continues, and stores it.
 * @returns undefined for an error, which is neither
 */
export function passedAnswer(head: UpstreamHead, parts: PassedAnswerParts): AnswerVariant | undefined {
  const { statusCode, headers } = head
  if (statusCode >= 300 || headerValue(headers, 'content-encoding') !== undefined) return undefined
  const isStream = framingOf(headerValue(headers, 'content-type')) === 'sse'
  return { transforms: [isStream ? new PassedStream(parts) : new PassedWhole(parts)] }
}

/** Events without a response object, such as deltas, pass unchanged. */
class PassedStream implements AnswerTransform {
  readonly #parts: PassedAnswerParts
  readonly #reader = new SseReader((data, name) => this.#event(data, name))
  #text = ''

  constructor(parts: PassedAnswerParts) {
    this.#parts = parts
  }

  push(chunk: Buffer): Buffer {
    this.#reader.push(chunk)
    return this.#take()
  }

  end(): Buffer {
    this.#reader.end()
    return this.#take()
  }

  #take(): Buffer {
    const text = this.#text
    this.#text = ''
    return text === '' ? noBytes : Buffer.from(text)
  }

  #event(data: Buffer, name: string): void {
    const text = data.toString('utf8')
    const event = data.includes(holdsResponse) ? parseJson(text) : undefined
    const type = isObject(event) ? event.type : undefined
    const head = name === '' ? '' : `event: ${name}\n`
    if (!isObject(event) || !isObject(event.response)) {
      this.#text += `${head}data: ${text.replaceAll('\n', '\ndata: ')}\n\n`
      return
    }
    const response = { ...event.response, ...this.#parts.members }
    this.#text += `${head}data: ${JSON.stringify({ ...event, response })}\n\n`
    if (endings.has(type)) this.#parts.store(endedAnswer(response, JSON.stringify(response)))
  }
}

class PassedWhole implements AnswerTransform {
  readonly #parts: PassedAnswerParts
  #chunks: Buffer[] = []
  #isTooLarge = false
  heldBytes = 0

  constructor(parts: PassedAnswerParts) {
    this.#parts = parts
  }

  push(chunk: Buffer): Buffer {
    if (this.#isTooLarge) return chunk
    if (this.heldBytes + chunk.length > maxWholeBytes) {
      // It is too large to be stored, so it passes as it is.
      const all = Buffer.concat([...this.#chunks, chunk])
      this.#chunks = []
      this.#isTooLarge = true
      this.heldBytes = 0
      return all
    }
    this.#chunks.push(chunk)
    this.heldBytes += chunk.length
    return noBytes
  }

  end(): Buffer {
    if (this.#isTooLarge) return noBytes
    const body = Buffer.concat(this.#chunks)
    const found = parseJson(body.toString('utf8'))
    if (!isObject(found) || !Array.isArray(found.output)) return body
    const response = { ...found, ...this.#parts.members }
    const text = JSON.stringify(response)
    this.#parts.store(endedAnswer(response, text))
    return Buffer.from(text)
  }
}
