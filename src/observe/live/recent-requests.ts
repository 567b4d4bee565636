import type { AppliedTranslation } from '../../dialects/translate/request-translation.ts'
import type { ErrorCode } from '../../kernel/errors.ts'
import { Remembered } from '../../kernel/remembered.ts'
import type { AttemptRecord, HedgeRecord, RequestContext } from '../../proxy/contract/context.ts'
import type { RequestOutcome } from '../../proxy/contract/outcome.ts'
import type { Estimate } from '../../routing/estimate/estimate.ts'

/** Maximum length of a client-chosen text; characters. */
const maxText = 256
/** Maximum failed attempts kept per request. */
const maxAttempts = 20
const noAttempts: readonly AttemptRecord[] = []

/**
 * Record of a finished request, without bodies. Times are milliseconds from receipt. Unknown numbers are NaN, not
 * undefined, so that reusing a slot does not allocate.
 */
export class RecentRequest {
  serial = 0
  requestId = ''
  method = ''
  /** Without the query. */
  path = ''
  dialect = ''
  client = ''
  keyId: string | undefined = undefined
  model: string | undefined = undefined
  /** The endpoint that answered. */
  endpoint: string | undefined = undefined
  /** The endpoint of the last attempt. */
  lastEndpoint: string | undefined = undefined
  outcome: RequestOutcome = 'success'
  error: ErrorCode | undefined = undefined
  isStream: boolean | undefined = undefined
  routingStrategy: string | undefined = undefined
  routingDecision: string | undefined = undefined
  routingReason: string | undefined = undefined
  translation: AppliedTranslation | undefined = undefined
  isStreamedUpstream = false
  /** Of the last attempt. */
  estimate: Estimate | undefined = undefined
  failedAttempts = noAttempts
  hedge: HedgeRecord | undefined = undefined
  attemptCount = 0
  /** Milliseconds since the Unix epoch. */
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

  /** Copies the values of a finished request. */
  take(context: RequestContext, outcome: RequestOutcome, endedAtMs: number, durationMs: number): void {
    const { answer, attempts } = context
    this.serial = context.serial
    this.requestId = context.id
    this.method = context.method
    this.path = knownPath(context.url)
    this.dialect = context.dialect.name
    this.client = context.caller ?? context.clientAddress
    this.keyId = context.identity?.keyId
    this.model = context.model === undefined ? undefined : bounded(context.model)
    this.endpoint = context.endpoint
    this.lastEndpoint = context.lastEndpoint
    this.outcome = outcome
    this.error = context.error
    this.isStream = context.isStream
    this.routingStrategy = context.routingStrategy
    this.routingDecision = context.routingDecision
    this.routingReason = context.routingReason
    this.translation = context.translation
    this.isStreamedUpstream = context.isStreamedUpstream
    this.estimate = context.latency?.work?.estimate
    this.failedAttempts =
      attempts.length === 0
        ? noAttempts
        : attempts.length > maxAttempts
          ? attempts.slice(-maxAttempts)
          : attempts
    this.hedge = context.hedge
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
 * Ring of the last requests of this thread. Slots are allocated while it fills and then reused: keeping the requests'
 * own objects would make them survive every young collection.
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

  /** Newest first. Consume at once, because slots are reused. */
  *newest(): Generator<RecentRequest> {
    const { size } = this
    for (let age = 1; age <= size; age++) {
      const slot = this.#slots[(this.#next - age + size) % size]
      if (slot !== undefined) yield slot
    }
  }
}

const paths = new Remembered<string>()

/** The path of a URL, each as one string: a slice for each request would keep the request's whole head in memory. */
function knownPath(url: string): string {
  const found = paths.get(url)
  if (found !== undefined) return found
  const own = copied(url)
  const path = pathOf(own)
  paths.set(own, path)
  return path
}

/** Cuts the path from a URL. Copies the slice of a long URL, which would otherwise keep the whole URL in memory. */
export function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return bounded(mark < 0 ? url : copied(url.slice(0, mark)))
}

function bounded(text: string): string {
  return text.length > maxText ? copied(text.slice(0, maxText)) : text
}

/** Copies a slice, because it keeps its parent string alive. */
function copied(text: string): string {
  return Buffer.from(text).toString()
}
