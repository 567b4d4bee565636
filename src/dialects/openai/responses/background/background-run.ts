import type { Clock } from '../../../../kernel/clock.ts'
import type { GatewayError } from '../../../../kernel/errors.ts'
import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { SseReader } from '../../../../kernel/stream/sse-reader.ts'
import type { AnswerSink } from '../../../contract/answer-sink.ts'
import { brokenAnswer } from '../../../hub/answer/answer-builder.ts'
import type { AnswerFailure } from '../../../hub/contract/answer.ts'
import { failedAnswer, failureInText } from '../../../hub/parts/failure.ts'
import { failureError } from '../../errors/failure-error.ts'
import { failureCode } from '../answer/failure-code.ts'
import { ResponseShape, repeatedState, startedState } from '../answer/response-shape.ts'
import { parseJson } from '../request/request-values.ts'

/** A response that is made in the background, as other threads see it. */
export interface BackgroundView {
  /** JSON texts of the client's request and the response. */
  readonly request: string
  readonly response: string
  readonly hasEvents: boolean
}

/** Events of such a response after one that its reader has. */
export interface BackgroundEvents {
  /** Undefined if the response has no stream. */
  readonly events: readonly string[] | undefined
  readonly isOver: boolean
}

export interface BackgroundRequest {
  readonly id: string
  readonly owner: string | undefined
  /** The client's request, with its references replaced. */
  readonly request: JsonObject
  readonly nowMs: () => number
}

export interface BackgroundOwner {
  /** Accounts for memory. @returns false if there is no room for it */
  hold(bytes: number): boolean
  /** The response is over. */
  ended(run: BackgroundRun): void
}

const endings: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed'])
const maxErrorBytes = 65_536
const tooLarge: AnswerFailure = brokenAnswer('The response is too large for the gateway to keep.')
const cut: AnswerFailure = brokenAnswer('The endpoint ended its answer before it was complete.')
const interrupted: AnswerFailure = {
  statusCode: 503,
  code: 'server_error',
  message: 'The gateway stopped before the response was complete.',
}

/** One response in the background: records the events of its stream under an ID of its own. */
export class BackgroundRun implements AnswerSink {
  readonly id: string
  readonly owner: string | undefined
  readonly request: JsonObject
  readonly #requestText: string
  readonly #parts: BackgroundOwner
  readonly #members: JsonObject
  readonly #reader = new SseReader((data) => this.#event(data))
  readonly #waiting = new Set<() => void>()
  #response: JsonObject
  /** Undefined if the client has not asked for a stream. */
  readonly #events: string[] | undefined
  #eventCount = 0
  #errorChunks: Buffer[] = []
  #errorBytes = 0
  #isStream = false
  #statusCode = 502
  #lastError: AnswerFailure | undefined
  #stop: (() => void) | undefined
  #isOver = false
  /** Why the gateway refused the request at once. */
  refusal: GatewayError | undefined

  constructor({ id, owner, request, nowMs }: BackgroundRequest, parts: BackgroundOwner) {
    this.id = id
    this.owner = owner
    this.request = request
    this.#requestText = JSON.stringify(request)
    this.#parts = parts
    this.#events = request.stream === true ? [] : undefined
    const shape = new ResponseShape({ request, newId: () => id, nowMs, store: () => undefined })
    const shown = parseJson(shape.json({ ...startedState, status: 'queued' }))
    this.#response = isObject(shown) ? shown : {}
    const { created_at, background, store } = this.#response
    this.#members = { id, created_at, background, store, ...repeatedState(request) }
    this.#record('response.created', { response: this.#response })
    this.#record('response.queued', { response: this.#response })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get response(): JsonObject {
    return this.#response
  }

  get events(): string | undefined {
    return this.#events?.join('')
  }

  /** @param stop ends the endpoint's work */
  started(stop: () => void): void {
    this.#stop = stop
  }

  view(): BackgroundView {
    return {
      request: this.#requestText,
      response: JSON.stringify(this.#response),
      hasEvents: this.#events !== undefined,
    }
  }

  /** @param after number of the last event that the reader has; -1 for none */
  eventsAfter(after: number): BackgroundEvents {
    return { events: this.#events?.slice(after + 1), isOver: this.#isOver }
  }

  /** Resolves when there are events after the given one, when the response is over, or after a time. */
  async changed(after: number, waitMs: number, clock: Pick<Clock, 'after'>): Promise<void> {
    if (this.#isOver || this.#events === undefined || this.#events.length > after + 1) return
    await new Promise<void>((resolve) => {
      const wake = () => {
        timer.cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = clock.after(waitMs, wake)
      this.#waiting.add(wake)
    })
  }

  cancel(): void {
    if (this.#isOver) return
    this.#over('response.cancelled', { ...this.#response, status: 'cancelled' })
    this.#stop?.()
  }

  /** The gateway stops. */
  interrupt(): void {
    if (this.#isOver) return
    this.#fail(interrupted)
    this.#stop?.()
  }

  begin(statusCode: number, isStream: boolean): void {
    this.#statusCode = statusCode
    this.#isStream = isStream && statusCode < 300
  }

  write(chunk: Buffer): void {
    if (this.#isOver) return
    if (this.#isStream) this.#reader.push(chunk)
    else if (this.#errorBytes < maxErrorBytes) {
      this.#errorChunks.push(chunk)
      this.#errorBytes += chunk.length
    }
  }

  end(isWhole: boolean): void {
    if (this.#isOver) return
    if (this.#isStream) {
      if (isWhole) this.#reader.end()
      this.#fail(this.#lastError ?? cut)
      return
    }
    const text = Buffer.concat(this.#errorChunks).toString('utf8')
    this.#fail(this.#statusCode < 300 ? cut : failedAnswer(this.#statusCode, text))
  }

  refuse(error: GatewayError): void {
    this.refusal = error
    this.#fail({ statusCode: error.statusCode, code: error.code, message: error.message })
  }

  #event(data: Buffer): void {
    if (this.#isOver) return
    const event = parseJson(data.toString('utf8'))
    const type = isObject(event) ? textField(event, 'type') : undefined
    if (!isObject(event) || type === undefined) return
    const received = objectField(event, 'response')
    // The stream has begun with the gateway's own.
    if (type === 'response.created' || type === 'response.queued') return
    const response = received && { ...received, ...this.#members }
    if (response !== undefined && endings.has(type)) {
      this.#over(type, response)
      return
    }
    if (type === 'error') this.#lastError = failureInText(JSON.stringify(event))
    if (response !== undefined) this.#response = response
    if (!this.#record(type, response === undefined ? event : { ...event, response })) {
      this.#fail(tooLarge)
      this.#stop?.()
    }
  }

  #fail(failure: AnswerFailure): void {
    if (this.#isOver) return
    const { message, type, param } = failureError(failure)
    const code = failureCode(failure)
    if (this.#lastError === undefined)
      this.#record('error', { code, message, param, error: { type, code, message, param } })
    this.#over('response.failed', { ...this.#response, status: 'failed', error: { code, message } })
  }

  #over(type: string, response: JsonObject): void {
    this.#isOver = true
    this.#response = response
    this.#record(type, { response })
    for (const wake of this.#waiting) wake()
    this.#parts.ended(this)
  }

  /** @returns false if there is no room for the event */
  #record(type: string, event: JsonObject): boolean {
    const numbered = { ...event, type, sequence_number: this.#eventCount }
    this.#eventCount++
    if (this.#events === undefined) return true
    const text = `event: ${type}\ndata: ${JSON.stringify(numbered)}\n\n`
    if (!this.#parts.hold(text.length) && !this.#isOver) return false
    this.#events.push(text)
    for (const wake of this.#waiting) wake()
    return true
  }
}

/** IDs of the items in a response's output. */
export function itemIdsOf(response: JsonObject): string[] {
  return listField(response, 'output').flatMap((item) =>
    isObject(item) ? (textField(item, 'id') ?? []) : [],
  )
}
