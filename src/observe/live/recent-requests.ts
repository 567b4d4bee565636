import type { ErrorCode } from '../../kernel/errors.ts'
import type { AttemptRecord, RequestContext } from '../../proxy/contract/context.ts'
import type { RequestOutcome } from '../../proxy/contract/outcome.ts'

/** Of a text that a client has chosen; characters. */
const maxText = 256
/** Failed attempts kept of one request. */
const maxAttempts = 20

/**
 * What is kept of a request that is over; never a body. Times are milliseconds from receipt. Numbers that are
 * not known are NaN rather than undefined, so that a slot is written again without allocating.
 */
export class RecentRequest {
  serial = 0
  requestId = ''
  method = ''
  /** Without the query. */
  path = ''
  dialect = ''
  client = ''
  model: string | undefined = undefined
  /** The one that answered. */
  endpoint: string | undefined = undefined
  /** The last one that was asked. */
  lastEndpoint: string | undefined = undefined
  outcome: RequestOutcome = 'success'
  error: ErrorCode | undefined = undefined
  isStream: boolean | undefined = undefined
  routingStrategy: string | undefined = undefined
  routingDecision: string | undefined = undefined
  routingReason: string | undefined = undefined
  failedAttempts: readonly AttemptRecord[] = []
  attemptCount = 0
  /** Epoch milliseconds. */
  endedAtMs = 0
  durationMs = Number.NaN
  status = Number.NaN
  routedMs = Number.NaN
  queuedMs = Number.NaN
  attemptMs = Number.NaN
  sentMs = Number.NaN
  firstByteMs = Number.NaN
  firstTokenMs = Number.NaN
  tokensPerSecond = Number.NaN
  requestBytes = 0
  responseBytes = 0
  promptTokens = Number.NaN
  completionTokens = Number.NaN
  cachedTokens = Number.NaN

  /** Takes the values of a request that has just ended. */
  take(context: RequestContext, outcome: RequestOutcome, endedAtMs: number, durationMs: number): void {
    const { answer, attempts } = context
    this.serial = context.serial
    this.requestId = context.id
    this.method = context.method
    this.path = pathOf(context.url)
    this.dialect = context.dialect.name
    this.client = context.caller ?? context.clientAddress
    this.model = context.model === undefined ? undefined : bounded(context.model)
    this.endpoint = context.endpoint
    this.lastEndpoint = context.lastEndpoint
    this.outcome = outcome
    this.error = context.error
    this.isStream = context.isStream
    this.routingStrategy = context.routingStrategy
    this.routingDecision = context.routingDecision
    this.routingReason = context.routingReason
    this.failedAttempts = attempts.length > maxAttempts ? attempts.slice(-maxAttempts) : attempts
    this.attemptCount = context.attemptCount
    this.endedAtMs = endedAtMs
    this.durationMs = durationMs
    this.status = context.status ?? Number.NaN
    this.routedMs = context.routedMs ?? Number.NaN
    this.queuedMs = context.queuedMs ?? Number.NaN
    this.attemptMs = context.attemptMs ?? Number.NaN
    this.sentMs = context.sentMs ?? Number.NaN
    this.firstByteMs = context.firstByteMs ?? Number.NaN
    this.firstTokenMs = answer?.firstTokenMs ?? Number.NaN
    this.tokensPerSecond = answer?.tokensPerSecond ?? Number.NaN
    this.requestBytes = context.requestBytes
    this.responseBytes = context.responseBytes
    this.promptTokens = context.promptTokens ?? Number.NaN
    this.completionTokens = context.completionTokens ?? Number.NaN
    this.cachedTokens = answer?.cachedTokens ?? Number.NaN
  }
}

/**
 * The last requests of this thread. Slots are made while the ring fills and written again from then on: keeping
 * the requests' own objects would carry all of them through every young collection.
 */
export class RecentRequests {
  readonly capacity: number
  readonly #slots: RecentRequest[] = []
  #next = 0

  /** @param capacity at least 1 */
  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.#slots.length
  }

  add(context: RequestContext, outcome: RequestOutcome, endedAtMs: number, durationMs: number): void {
    let slot = this.#slots[this.#next]
    if (slot === undefined) {
      slot = new RecentRequest()
      this.#slots.push(slot)
    }
    this.#next = (this.#next + 1) % this.capacity
    slot.take(context, outcome, endedAtMs, durationMs)
  }

  /** Newest first. Read at once: slots are written again. */
  *newest(): Generator<RecentRequest> {
    const { size } = this
    for (let age = 1; age <= size; age++) {
      const slot = this.#slots[(this.#next - age + size) % size]
      if (slot !== undefined) yield slot
    }
  }
}

/** A path is short as a rule; what is longer is copied, or all of it would stay in memory. */
export function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return bounded(mark < 0 ? url : copied(url.slice(0, mark)))
}

function bounded(text: string): string {
  return text.length > maxText ? copied(text.slice(0, maxText)) : text
}

/** A slice keeps what it was cut from alive. */
function copied(text: string): string {
  return Buffer.from(text).toString()
}
