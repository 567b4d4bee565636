import { Readable } from 'node:stream'
import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'
import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import { JsonLines } from '../../../kernel/stream/json-lines.ts'
import { type CallSink, EndpointCall } from './endpoint-call.ts'
import {
  errorText,
  jsonAnswer,
  linesType,
  type ManagementAnswer,
  type ManagementRun,
  parseManagementBody,
  requestTo,
} from './management.ts'
import { combineOutcomes, type EndpointOutcome } from './outcome.ts'
import { type ProgressLine, ProgressMerge } from './progress.ts'

/** Maximum bytes of a line, and of an error. */
const maxLineBytes = 1_048_576

/**
 * Sends a request to several endpoints and combines their progress. A client that wants no stream gets one object, but
 * the endpoints report their progress to the gateway all the same, so that the limit between chunks notices a stalled
 * one.
 */
export function mergeProgress(run: ManagementRun): Promise<ManagementAnswer> {
  const wanted = parseManagementBody(run.request.body)
  const merged = new MergedProgress(run, wanted.stream !== false)
  const body = Buffer.from(JSON.stringify({ ...wanted, stream: true }))
  const calls = run.endpoints.map((endpoint, at) => {
    const call = new EndpointCall(run.services, endpoint, merged.sinkOf(endpoint, at))
    return { call, request: requestTo(endpoint, run.request, body) }
  })
  const abort = () => {
    for (const { call } of calls) call.fail('the client closed the connection')
  }
  run.signal.addEventListener('abort', abort)
  for (const { call, request } of calls) call.send(request)
  return merged.answer
}

class MergedProgress {
  readonly #run: ManagementRun
  readonly #isStream: boolean
  readonly #merge: ProgressMerge
  readonly #outcomes: EndpointOutcome[] = []
  readonly #answer = Promise.withResolvers<ManagementAnswer>()
  readonly #startedMs: number
  #out: Readable | undefined
  /** Lines that the client has not read yet, the latest of each key. */
  readonly #waiting = new Map<string, JsonObject>()
  #isReading = false
  #isOver = false

  constructor(run: ManagementRun, isStream: boolean) {
    this.#run = run
    this.#isStream = isStream
    this.#merge = new ProgressMerge(run.endpoints.length)
    this.#startedMs = run.services.clock.monotonicMs()
  }

  get answer(): Promise<ManagementAnswer> {
    return this.#answer.promise
  }

  sinkOf(endpoint: Endpoint, at: number): CallSink {
    return new ProgressSink(
      (line) => this.#send(this.#merge.take(at, line)),
      (statusCode, failure) => this.#ended(at, { endpoint, statusCode, failure, durationMs: this.#age }),
    )
  }

  get #age(): number {
    return this.#run.services.clock.monotonicMs() - this.#startedMs
  }

  #ended(at: number, outcome: EndpointOutcome): void {
    const { endpoint, failure } = outcome
    this.#outcomes.push(outcome)
    this.#run.onOutcome(outcome)
    // If all fail before any progress, the answer has an error's status.
    this.#add(
      failure === undefined ? this.#merge.succeeded(at) : this.#merge.failed(at, endpoint.name, failure),
    )
    if (this.#outcomes.length === this.#run.endpoints.length) void this.#finish()
  }

  async #finish(): Promise<void> {
    const { request, signal } = this.#run
    const succeeded = this.#outcomes.filter(({ failure }) => failure === undefined)
    if (succeeded.length > 0 && request.operation.changesModels && !signal.aborted) {
      await this.#run.succeeded(succeeded.map(({ endpoint }) => endpoint))
    }
    const { statusCode, error } = combineOutcomes(this.#outcomes)
    const line = error === undefined ? { status: 'success' } : { error }
    if (this.#out === undefined && (error !== undefined || !this.#isStream)) {
      this.#answer.resolve(jsonAnswer(statusCode, line))
      return
    }
    this.#isOver = true
    this.#send([{ key: 'end', line }])
  }

  #add(lines: readonly ProgressLine[]): void {
    for (const { key, line } of this.#isStream ? lines : []) this.#waiting.set(key, line)
    if (this.#out !== undefined && this.#isReading) this.#flush()
  }

  #send(lines: readonly ProgressLine[]): void {
    if (lines.length === 0 || !this.#isStream) return
    this.#add(lines)
    if (this.#out === undefined) {
      this.#out = new Readable({
        read: () => {
          this.#isReading = true
          this.#flush()
        },
      })
      this.#answer.resolve({ statusCode: 200, contentType: linesType, body: this.#out })
    }
  }

  #flush(): void {
    for (const [key, line] of this.#waiting) {
      this.#waiting.delete(key)
      if (this.#out?.push(`${JSON.stringify(line)}\n`) === true) continue
      this.#isReading = false
      break
    }
    if (this.#isOver && this.#waiting.size === 0) this.#out?.push(null)
  }
}

/** Reads the lines of one endpoint. */
class ProgressSink implements CallSink {
  readonly #onLine: (line: JsonObject) => void
  readonly #onDone: (statusCode: number | undefined, failure: string | undefined) => void
  readonly #lines = new JsonLines(maxLineBytes)
  #statusCode = 0
  #refusal = ''
  #failure: string | undefined
  #hasSucceeded = false

  constructor(
    onLine: (line: JsonObject) => void,
    onDone: (statusCode: number | undefined, failure: string | undefined) => void,
  ) {
    this.#onLine = onLine
    this.#onDone = onDone
  }

  onHead(statusCode: number): void {
    this.#statusCode = statusCode
  }

  onData(chunk: Buffer): boolean {
    if (this.#statusCode < 300) this.#take(this.#lines.push(chunk))
    else if (this.#refusal.length < maxLineBytes) this.#refusal += chunk.toString('utf8')
    return true
  }

  onEnd(): void {
    if (this.#statusCode >= 300) {
      this.#onDone(this.#statusCode, errorText(this.#statusCode, this.#refusal))
      return
    }
    this.#take(this.#lines.end())
    const isDone = this.#failure !== undefined || this.#hasSucceeded
    this.#onDone(this.#statusCode, isDone ? this.#failure : 'the answer ended before the success')
  }

  onFailed(reason: string): void {
    this.#onDone(undefined, this.#failure ?? reason)
  }

  #take(values: readonly unknown[] | undefined): void {
    if (values === undefined) this.#failure ??= 'the answer is not lines of JSON'
    if (values === undefined || this.#failure !== undefined) return
    for (const value of values) {
      if (!isObject(value)) continue
      if (typeof value.error === 'string' && value.error !== '') {
        this.#failure = value.error
        return
      }
      if (value.status === 'success') this.#hasSucceeded = true
      else this.#onLine(value)
    }
  }
}
