import type { ServerResponse } from 'node:http'
import type { Timer } from '../clock.ts'
import { errorEvent, GatewayError } from '../errors.ts'
import { outcomeOfStatus, type RequestContext, type RequestOutcome } from '../request/context.ts'
import type { DeadlineEntry } from '../resilience/deadline-sweep.ts'
import { parseRetryAfter } from '../resilience/retry-policy.ts'
import type { CapacityWaiter } from '../selection/capacity-queue.ts'
import { type AnswerPlan, answerHeaders, earlyHeaders, planAnswer, wholeHead } from './answer-head.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { AttemptLedger } from './attempt-ledger.ts'
import { CandidateRounds } from './candidate-rounds.ts'
import { ClientRelay, type ClientReply, streamFormat } from './client-relay.ts'
import { type ExchangeRequest, requestFor } from './exchange-request.ts'
import type { ExchangeServices, RelayObserver } from './exchange-services.ts'
import { type AttemptFailure, describeFailure, neverSent } from './failure.ts'
import { brokenError, giveUpError } from './give-up.ts'
import { Heartbeat, type KeepAlive } from './heartbeat.ts'
import type { GatheredAnswer } from './request-variant.ts'
import { awaitDrain, type ResponseListener, watchResponse } from './response-events.ts'
import { headerValue, type UpstreamHead } from './response-headers.ts'
import type { UpstreamRequest } from './transport.ts'

/**
 * - `choosing`: looks for an endpoint
 * - `queued`: waits for a place on one
 * - `backoff`: waits before another round
 * - `connecting`, `waiting`: an attempt is under way, before and after its connection is up
 * - `gathering`: the answer comes, but it is told in one piece and the client knows nothing of it yet
 * - `relaying`, `stalled`: the client is being answered, `stalled` while it does not read
 */
export type ExchangePhase =
  | 'choosing'
  | 'queued'
  | 'backoff'
  | 'connecting'
  | 'waiting'
  | 'gathering'
  | 'relaying'
  | 'stalled'
  | 'over'

/**
 * One client request on its way: chooses an endpoint, tries it, moves on until one has answered, relays the
 * answer. Until the client has been sent a status line every failure of an endpoint is recoverable; after
 * that it is made visible. It settles once, with one outcome.
 */
export class Exchange implements AttemptOwner, CapacityWaiter, DeadlineEntry, ResponseListener {
  deadlineMs: number
  sweepIndex = -1
  readonly #services: ExchangeServices
  readonly #request: ExchangeRequest
  readonly #reply: ClientReply
  readonly #raw: ServerResponse
  readonly #relay: ClientRelay
  readonly #rounds: CandidateRounds
  readonly #ledger: AttemptLedger
  readonly #startedMs: number
  #queuedAtMs: number | undefined
  #totalDeadlineMs: number
  #phase: ExchangePhase = 'choosing'
  /** The one under way, or the last. */
  #attempt: Attempt | undefined
  #head: UpstreamHead | undefined
  #observer: RelayObserver | undefined
  /** Answered, but badly: relayed after all if nobody does better. */
  #passedOver: Attempt | undefined
  #lastFailure: AttemptFailure | undefined
  #timer: Timer | undefined
  #heartbeat: Heartbeat | undefined
  #isCancelled = false

  constructor(services: ExchangeServices, request: ExchangeRequest, reply: ClientReply) {
    this.#services = services
    this.#request = request
    this.#reply = reply
    this.#raw = reply.raw
    this.#relay = new ClientRelay(reply.raw)
    this.#rounds = new CandidateRounds(services, request)
    this.#ledger = new AttemptLedger(services, request)
    this.#startedMs = services.clock.monotonicMs()
    request.context.routedMs = this.#startedMs - request.context.startedAtMs
    this.#totalDeadlineMs = deadlineAfter(this.#startedMs, services.options.totalTimeoutMs)
    this.deadlineMs = this.#totalDeadlineMs
  }

  start(): void {
    const raw = this.#raw
    watchResponse(raw, this)
    this.#services.active.add(this)
    this.#services.retries.requestStarted()
    const { keepAlive } = this.#request
    if (keepAlive !== undefined) {
      this.#heartbeat = new Heartbeat(this.#services.clock, keepAlive.intervalMs, () => this.#beat(keepAlive))
    }
    if (raw.destroyed) this.clientClosed()
    else this.#choose()
  }

  // What is seen from outside

  get phase(): ExchangePhase {
    return this.#phase
  }

  get context(): RequestContext {
    return this.#request.context
  }

  get responseBytes(): number {
    return this.#relay.bodyBytes
  }

  // Choosing an endpoint

  wants(slot: number): boolean {
    return this.#rounds.wants(slot)
  }

  wake(): void {
    if (this.#phase === 'queued') this.#choose()
  }

  #choose(): void {
    const taken = this.#rounds.take()
    if (taken !== undefined) {
      this.#send(new Attempt(this, taken.target, taken.permit, this.#services.clock.monotonicMs()))
    } else if (this.#rounds.someAreFull() && this.#services.queue.enter(this)) {
      this.#phase = 'queued'
      this.#queuedAtMs ??= this.#services.clock.monotonicMs()
      this.#limit(this.#queueWaitLeftMs())
    } else {
      this.#roundOver()
    }
  }

  /** A request that is woken in vain keeps its place in the line, and its time. */
  #queueWaitLeftMs(): number {
    const { queue, options } = this.#services
    return options.queueWaitMs === 0 ? 0 : Math.max(1, options.queueWaitMs - queue.waitedMs(this))
  }

  #send(attempt: Attempt): void {
    const { endpoint } = attempt.target
    this.#attempt = attempt
    this.#phase = 'connecting'
    this.#totalDeadlineMs = deadlineAfter(this.#startedMs, endpoint.timeouts.totalMs)
    this.deadlineMs = this.#totalDeadlineMs
    const { context } = this.#request
    context.attemptCount++
    context.lastEndpoint = endpoint.name
    context.attemptMs = attempt.startedMs - context.startedAtMs
    context.sentMs = undefined
    this.#waited(attempt.startedMs)
    const request = this.#requestOf(attempt)
    if (request instanceof GatewayError) {
      this.#services.breakers.get(endpoint.slot).release(attempt.permit)
      this.#fail(request)
      return
    }
    try {
      this.#services.transport.send(attempt, request, this.#reply)
    } catch (error) {
      attempt.onError(error)
    }
  }

  /** @returns the error to answer with where the client's request cannot be sent to this endpoint */
  #requestOf(attempt: Attempt): UpstreamRequest | GatewayError {
    const request = this.#request
    try {
      attempt.variant = request.variant?.(attempt.target)
      const { renameAnswers } = this.#services.options
      return (
        this.#ledger.begun(attempt, requestFor(request, attempt.target, attempt.variant, renameAnswers)) ??
        new GatewayError('invalid_path')
      )
    } catch (error) {
      return error instanceof GatewayError ? error : new GatewayError('internal', undefined, { cause: error })
    }
  }

  /** Its wait for a place on an endpoint, if it had one, is over. */
  #waited(nowMs: number): void {
    if (this.#queuedAtMs !== undefined) this.#request.context.queuedMs ??= nowMs - this.#queuedAtMs
  }

  /** Every candidate was tried or cannot be: begin again after a wait, or give up. */
  #roundOver(): void {
    const failure = this.#lastFailure
    const waitMs =
      failure === undefined ? undefined : this.#rounds.waitForNext(failure, this.#totalDeadlineMs)
    if (waitMs === undefined) this.#giveUp()
    else this.#backOff(waitMs)
  }

  #backOff(waitMs: number): void {
    this.#rounds.beginNext()
    this.#phase = 'backoff'
    this.deadlineMs = this.#totalDeadlineMs
    this.#timer = this.#services.clock.after(waitMs, () => {
      if (this.#phase === 'backoff') this.#choose()
    })
  }

  // What the attempt tells

  sent(attempt: Attempt): void {
    const { context } = this.#request
    this.#phase = 'waiting'
    attempt.sentMs = this.#services.clock.monotonicMs()
    context.sentMs = attempt.sentMs - context.startedAtMs
    const { endpoint, isWarm } = attempt.target
    const { firstByteMs } = endpoint.timeouts
    const { coldStartMs } = this.#services.options
    // A model that must be loaded first takes its time, and nobody is at fault.
    this.#limit(isWarm === false && firstByteMs > 0 ? Math.max(firstByteMs, coldStartMs) : firstByteMs)
  }

  head(attempt: Attempt, head: UpstreamHead): boolean {
    const { options, clock } = this.#services
    if (options.failoverStatuses.has(head.statusCode)) {
      const retryAfter = headerValue(head.headers, 'retry-after')
      const retryAfterMs = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, clock.nowMs())
      const failure: AttemptFailure = { kind: 'status', statusCode: head.statusCode, retryAfterMs }
      this.#ledger.askedForPause(attempt, failure)
      if (this.#moveOn(attempt, failure)) return false
    }
    this.#head = head
    return true
  }

  data(attempt: Attempt, chunk: Buffer): boolean {
    if (this.#phase === 'waiting') this.#firstByte(attempt)
    if (attempt.gathered !== undefined) {
      this.#observer?.push(chunk)
      attempt.gathered.push(chunk)
      this.#limit(attempt.target.endpoint.timeouts.idleMs)
      return true
    }
    this.#heartbeat?.touch()
    if (this.#relay.write(chunk)) {
      this.#limit(attempt.target.endpoint.timeouts.idleMs)
      return true
    }
    if (this.#phase !== 'stalled') awaitDrain(this.#raw)
    this.#phase = 'stalled'
    this.#limit(this.#services.options.clientStallMs)
    return false
  }

  complete(attempt: Attempt): void {
    if (this.#phase === 'waiting') this.#firstByte(attempt)
    if (attempt.gathered !== undefined && this.#head !== undefined) {
      this.#tellWhole(attempt, this.#head, attempt.gathered)
    }
    if (this.#phase !== 'over') this.#finish()
  }

  failed(attempt: Attempt, failure: AttemptFailure): void {
    if (this.#phase === 'relaying' || this.#phase === 'stalled') {
      this.#broken(attempt, failure)
      return
    }
    this.#ledger.unreachable(attempt, failure)
    if (failure.kind !== 'total_timeout' && this.#moveOn(attempt, failure)) return
    this.#recordFailure(attempt, failure)
    this.#giveUp()
  }

  // Moving on

  /**
   * Leaves a failed attempt for the next try, now or after a wait.
   * @returns false where there is none: the failure is the end of it
   */
  #moveOn(attempt: Attempt, failure: AttemptFailure): boolean {
    const { retries, events, stats } = this.#services
    const { endpoint } = attempt.target
    this.#rounds.leave(endpoint.slot)
    const waitMs = this.#rounds.someAreLeft() ? 0 : this.#rounds.waitForNext(failure, this.#totalDeadlineMs)
    if (waitMs === undefined) return false
    // A request that was never sent has cost nobody anything.
    if (!neverSent(failure.kind) && !retries.spend()) return false
    this.#recordFailure(attempt, failure)
    stats.recordFailover(endpoint.slot)
    if (failure.kind === 'status') {
      this.#passedOver?.cancel()
      this.#passedOver = attempt
    }
    events.publish('request.failover', {
      requestId: this.#request.context.id,
      model: this.#request.context.model,
      from: endpoint.name,
      reason: describeFailure(failure),
    })
    if (waitMs > 0) {
      this.#backOff(waitMs)
    } else {
      // undici is still inside its parser: the next attempt begins when it has left.
      this.#phase = 'choosing'
      queueMicrotask(() => {
        if (this.#phase === 'choosing') this.#choose()
      })
    }
    return true
  }

  #recordFailure(attempt: Attempt, failure: AttemptFailure): void {
    this.#lastFailure = failure
    this.#ledger.failed(attempt, failure)
  }

  #giveUp(): void {
    const attempt = this.#passedOver
    const kept = attempt?.adopt()
    this.#passedOver = undefined
    if (attempt === undefined || kept === undefined) {
      this.#fail(
        giveUpError({
          tried: this.#ledger.failures,
          lastFailure: this.#lastFailure,
          someAreFull: this.#rounds.someAreFull(),
          retryAfterSeconds: this.#services.load.retryAfterSeconds(this.#rounds.candidates),
        }),
      )
      return
    }
    // An endpoint's own words say more than ours.
    this.#attempt = attempt
    this.#head = kept.head
    this.#phase = 'waiting'
    this.#limit(attempt.target.endpoint.timeouts.idleMs)
    for (const chunk of kept.chunks) this.data(attempt, chunk)
    if (kept.complete) this.complete(attempt)
  }

  // Answering the client

  #firstByte(attempt: Attempt): void {
    const head = this.#head
    if (head === undefined) return
    const { context } = this.#request
    const { options, clock, observe } = this.#services
    const asked = options.renameAnswers ? context.model : undefined
    const plan = planAnswer(head, attempt.target, attempt.variant, asked)
    context.firstByteMs = clock.monotonicMs() - context.startedAtMs
    const path = attempt.variant?.path ?? this.#request.path
    this.#observer = observe?.({ context, target: attempt.target, head, path })
    attempt.gathered = plan.gathered
    if (plan.gathered === undefined) this.#begin(attempt, plan, this.#observer)
    else this.#phase = 'gathering'
  }

  /** An answer in one piece is complete. Where a stream has begun already it can only be a failure. */
  #tellWhole(attempt: Attempt, head: UpstreamHead, gathered: GatheredAnswer): void {
    const whole = gathered.end()
    if (this.#raw.headersSent) {
      this.#ledger.answered(attempt, head.statusCode)
      this.#request.context.error = 'upstream_failed'
      this.#relay.breakOff(() => `event: error\ndata: ${whole.body.toString('utf8')}\n\n`)
      this.#settle('failure')
      return
    }
    this.#begin(attempt, { head: wholeHead(head, whole), transforms: [] })
    this.#relay.write(whole.body)
  }

  /** The answer is good enough to be told: no other endpoint will be asked. */
  #begin(attempt: Attempt, plan: AnswerPlan, observer?: RelayObserver): void {
    const { context } = this.#request
    const { options, affinity } = this.#services
    const { target, variant } = attempt
    const { statusCode, headers } = plan.head
    this.#ledger.answered(attempt, statusCode)
    affinity?.answered(this.#request, target, statusCode)
    this.#passedOver?.cancel()
    this.#phase = 'relaying'
    context.endpoint = target.endpoint.name
    context.status = statusCode
    const contentType = headerValue(headers, 'content-type')
    const format = streamFormat(contentType)
    context.isStream = format !== 'other'
    const shape = {
      format,
      lengthBytes: lengthOf(headers),
      transforms: plan.transforms,
      observer,
      gatherBytes: options.gatherBytes(contentType),
    }
    if (this.#raw.headersSent) {
      this.#relay.resume(shape)
      return
    }
    const clientHeaders = answerHeaders(plan.head, {
      context,
      endpoint: target.endpoint,
      mode: variant?.mode,
      isStream: format !== 'other',
      version: options.version,
      set: this.#reply.getHeaders(),
    })
    this.#reply.hijack()
    this.#relay.begin(statusCode, clientHeaders, shape)
  }

  /** The answer is complete. */
  #finish(): void {
    const { context } = this.#request
    this.#relay.end()
    if (this.#relay.hasFailed) {
      context.error = 'upstream_broken'
      this.#settle('failure')
      return
    }
    this.#settle(outcomeOfStatus(context.status ?? 0))
  }

  /** Nothing has come for a while. */
  #beat({ headers, beat }: KeepAlive): void {
    if (this.#phase === 'stalled' || this.#raw.destroyed) return
    if (!this.#raw.headersSent) {
      const { context } = this.#request
      context.status = 200
      this.#reply.hijack()
      this.#relay.begin(200, earlyHeaders(headers, context, this.#reply.getHeaders()), {
        format: 'sse',
        lengthBytes: undefined,
        transforms: [],
        gatherBytes: 0,
      })
    }
    this.#relay.interject(beat)
  }

  clientDrained(): void {
    const attempt = this.#attempt
    if (this.#phase !== 'stalled' || attempt === undefined) return
    this.#phase = 'relaying'
    this.#limit(attempt.target.endpoint.timeouts.idleMs)
    attempt.resume()
  }

  // Ending

  /** The client has gone: whatever is under way for it stops now and counts against nobody. */
  clientClosed(): void {
    if (this.#phase === 'over' || this.#raw.writableEnded) return
    if (this.#attempt !== undefined) this.#ledger.abandon(this.#attempt)
    this.#settle('client_closed')
  }

  /** The gateway stops and can wait no longer: ends the request so that the client sees it. */
  cut(): void {
    this.#stop(new GatewayError('draining', undefined, { retryAfterSeconds: 1 }))
  }

  /** An operator ends the request: upstream as well, and so that the client sees it. Counts against nobody. */
  cancel(): void {
    this.#isCancelled = true
    this.#stop(new GatewayError('cancelled'))
  }

  #stop(error: GatewayError): void {
    if (this.#phase === 'over') return
    if (this.#attempt !== undefined) this.#ledger.abandon(this.#attempt)
    if (this.#raw.headersSent) this.#breakOff(error)
    else this.#fail(error)
  }

  onDeadline(nowMs: number): void {
    const isTotal = nowMs >= this.#totalDeadlineMs
    switch (this.#phase) {
      case 'connecting':
      case 'waiting':
        this.#attempt?.expire({ kind: isTotal ? 'total_timeout' : 'first_byte_timeout' })
        break
      case 'gathering':
      case 'relaying':
        this.#attempt?.expire({ kind: isTotal ? 'total_timeout' : 'idle_timeout' })
        break
      case 'stalled':
        // A client that takes nothing for so long has left without saying so.
        if (isTotal) this.#attempt?.expire({ kind: 'total_timeout' })
        else this.#raw.destroy()
        break
      case 'choosing':
      case 'queued':
      case 'backoff':
        this.#giveUp()
        break
      case 'over':
        break
    }
  }

  /** The endpoint broke off an answer that the client has begun to read. */
  #broken(attempt: Attempt, failure: AttemptFailure): void {
    this.#ledger.broke(attempt, failure)
    this.#breakOff(brokenError(failure))
  }

  #breakOff(error: GatewayError): void {
    const { context } = this.#request
    context.error = error.code
    this.#relay.breakOff((format) => errorEvent(context.dialect, format, error, context.id))
    this.#settle('failure')
  }

  /** Nothing has been sent to the client yet: the error handler answers in its dialect. */
  #fail(error: GatewayError): void {
    if (this.#raw.headersSent) {
      this.#breakOff(error)
      return
    }
    const { context } = this.#request
    context.error = error.code
    context.status = error.statusCode
    if (context.attemptCount > 1) this.#reply.header('X-Olla-Attempts', String(context.attemptCount))
    this.#settle(outcomeOfStatus(error.statusCode))
    this.#reply.send(error)
  }

  #settle(found: RequestOutcome): void {
    const { active, queue, clock } = this.#services
    const outcome = this.#isCancelled ? 'cancelled' : found
    const wasQueued = this.#phase === 'queued'
    this.#phase = 'over'
    this.#timer?.cancel()
    this.#heartbeat?.stop()
    this.#passedOver?.cancel()
    if (wasQueued) {
      queue.leave(this)
      this.#waited(clock.monotonicMs())
    }
    active.delete(this)
    if (this.#attempt !== undefined) this.#ledger.free(this.#attempt)
    this.#observer?.end(outcome)
    this.#ledger.settled(outcome, this.#attempt, this.#relay)
  }

  #limit(stageMs: number): void {
    const stageDeadlineMs = deadlineAfter(this.#services.clock.monotonicMs(), stageMs)
    this.deadlineMs = Math.min(this.#totalDeadlineMs, stageDeadlineMs)
  }
}

function lengthOf(headers: readonly string[]): number | undefined {
  const length = headerValue(headers, 'content-length')
  return length === undefined ? undefined : Number(length)
}

function deadlineAfter(nowMs: number, limitMs: number): number {
  return limitMs > 0 ? nowMs + limitMs : Number.POSITIVE_INFINITY
}
