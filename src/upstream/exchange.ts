import type { ServerResponse } from 'node:http'
import type { Timer } from '../clock.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { upstreamPath } from '../endpoint/upstream-path.ts'
import { errorEvent, GatewayError } from '../errors.ts'
import type { RoutedEndpoint, RoutingOutcome } from '../model/router.ts'
import type { RequestContext, RequestOutcome } from '../request/context.ts'
import type { DeadlineEntry } from '../resilience/deadline-sweep.ts'
import { parseRetryAfter } from '../resilience/retry-policy.ts'
import type { CapacityWaiter } from '../selection/capacity-queue.ts'
import { readTailUsage } from '../stream/tail-usage.ts'
import { Attempt, type AttemptOwner } from './attempt.ts'
import { ClientRelay, type ClientReply, streamFormat } from './client-relay.ts'
import type { ExchangeServices } from './exchange-services.ts'
import { type AttemptFailure, describeFailure, neverSent } from './failure.ts'
import { attemptHeaders } from './request-headers.ts'
import { clientHeaders, headerValue, type UpstreamHead } from './response-headers.ts'

/** A client's request as the routes hand it over. */
export interface ExchangeRequest {
  readonly context: RequestContext
  readonly method: string
  /** Path as the endpoint shall see it, still percent-encoded. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly body: Buffer | null
  /** From `forwardedHeaders`. */
  readonly headers: readonly string[]
  readonly routing: RoutingOutcome
}

type Phase = 'choosing' | 'queued' | 'backoff' | 'connecting' | 'waiting' | 'relaying' | 'stalled' | 'over'

const exchangeKey = Symbol('olla-gateway.exchange')
type OwnedResponse = ServerResponse & { [exchangeKey]?: Exchange }

function onResponseClose(this: OwnedResponse): void {
  this[exchangeKey]?.clientClosed()
}

function onResponseDrain(this: OwnedResponse): void {
  this[exchangeKey]?.clientDrained()
}

/** Sockets have an error listener each; without this one a reset client would end the process. */
function onResponseError(): void {}

/**
 * One client request on its way: chooses an endpoint, tries it, moves on until one has answered, relays the
 * answer. Until the client has been sent a status line every failure of an endpoint is recoverable; after
 * that it is made visible. It settles once, with one outcome.
 */
export class Exchange implements AttemptOwner, CapacityWaiter, DeadlineEntry {
  deadlineMs: number
  readonly #services: ExchangeServices
  readonly #request: ExchangeRequest
  readonly #reply: ClientReply
  readonly #raw: OwnedResponse
  readonly #relay: ClientRelay
  readonly #totalDeadlineMs: number
  #phase: Phase = 'choosing'
  #attempt: Attempt | undefined
  /** Slots tried in this round. */
  #excluded: Set<number> | undefined
  #passedOver: Attempt | undefined
  #failures: string[] | undefined
  #lastFailure: AttemptFailure | undefined
  #head: UpstreamHead | undefined
  #round = 0
  #timer: Timer | undefined

  constructor(services: ExchangeServices, request: ExchangeRequest, reply: ClientReply) {
    this.#services = services
    this.#request = request
    this.#reply = reply
    this.#raw = reply.raw
    this.#relay = new ClientRelay(reply.raw)
    this.#totalDeadlineMs = deadlineAfter(services.clock.monotonicMs(), services.options.totalTimeoutMs)
    this.deadlineMs = this.#totalDeadlineMs
  }

  get context(): RequestContext {
    return this.#request.context
  }

  start(): void {
    const raw = this.#raw
    raw[exchangeKey] = this
    raw.on('close', onResponseClose)
    raw.on('drain', onResponseDrain)
    raw.on('error', onResponseError)
    this.#services.active.add(this)
    this.#services.deadlines.add(this)
    this.#services.retries.requestStarted()
    if (raw.destroyed) this.clientClosed()
    else this.#choose()
  }

  // Choosing

  wants(slot: number): boolean {
    if (this.#excluded?.has(slot)) return false
    for (const candidate of this.#request.routing.candidates) {
      if (candidate.endpoint.slot === slot) return true
    }
    return false
  }

  wake(): void {
    if (this.#phase === 'queued') this.#choose()
  }

  #choose(): void {
    this.#phase = 'choosing'
    const { selector, breakers, inFlight, clock } = this.#services
    const { candidates } = this.#request.routing
    for (;;) {
      const target = selector.select(candidates, this.#excluded)
      if (target === undefined) {
        this.#nobodyNow()
        return
      }
      const { slot, maxConcurrent } = target.endpoint
      const permit = breakers.get(slot).acquire()
      if (permit === 'refused') {
        this.#exclude(slot)
        continue
      }
      // Another thread may have taken the last place since the selector looked.
      if (!inFlight.acquire(slot, maxConcurrent)) {
        breakers.get(slot).release(permit)
        this.#nobodyNow()
        return
      }
      this.#send(new Attempt(this, target, permit, clock.monotonicMs()))
      return
    }
  }

  #send(attempt: Attempt): void {
    const { endpoint } = attempt.target
    const request = this.#request
    const path = upstreamPath(endpoint, request.path, request.query)
    this.#attempt = attempt
    this.#phase = 'connecting'
    this.deadlineMs = this.#totalDeadlineMs
    if (path === undefined) {
      this.#dropAttempt(attempt)
      this.#fail(new GatewayError('invalid_path'))
      return
    }
    try {
      this.#services.transport.send(attempt, {
        method: request.method,
        path,
        headers: attemptHeaders(request.headers, endpoint),
        body: request.body,
      })
    } catch (error) {
      attempt.onError(error)
    }
  }

  /** No candidate can take the request at this moment. */
  #nobodyNow(): void {
    if (this.#someAreFull() && this.#services.queue.enter(this)) {
      this.#phase = 'queued'
      this.#limit(this.#services.options.queueWaitMs)
      return
    }
    this.#roundOver()
  }

  #someAreFull(): boolean {
    const { load } = this.#services
    for (const { endpoint } of this.#request.routing.candidates) {
      if (!this.#excluded?.has(endpoint.slot) && load.isFull(endpoint)) return true
    }
    return false
  }

  #somebodyElse(): boolean {
    const { load } = this.#services
    for (const { endpoint } of this.#request.routing.candidates) {
      if (this.#excluded?.has(endpoint.slot)) continue
      if (load.admits(endpoint) || load.isFull(endpoint)) return true
    }
    return false
  }

  /** Every candidate was tried or cannot be: wait and begin again, or give up. */
  #roundOver(): void {
    const waitMs = this.#waitBeforeNextRound(this.#lastFailure)
    if (waitMs === undefined) {
      this.#giveUp()
      return
    }
    this.#backOff(waitMs)
  }

  #backOff(waitMs: number): void {
    this.#round++
    this.#phase = 'backoff'
    this.deadlineMs = this.#totalDeadlineMs
    this.#excluded?.clear()
    this.#timer = this.#services.clock.after(waitMs, () => {
      this.#timer = undefined
      if (this.#phase === 'backoff') this.#choose()
    })
  }

  /** @returns undefined where another round is not worth it or not allowed */
  #waitBeforeNextRound(failure: AttemptFailure | undefined): number | undefined {
    if (failure === undefined || neverSent(failure.kind) || failure.kind === 'total_timeout') return undefined
    const waitMs = this.#services.retries.waitBeforeRound(this.#round + 1, failure.retryAfterMs)
    if (waitMs === undefined) return undefined
    return this.#services.clock.monotonicMs() + waitMs < this.#totalDeadlineMs ? waitMs : undefined
  }

  // What the attempt tells

  sent(attempt: Attempt): void {
    this.#phase = 'waiting'
    this.#limit(attempt.target.endpoint.timeouts.firstByteMs)
  }

  head(attempt: Attempt, head: UpstreamHead): boolean {
    const { options } = this.#services
    if (options.failoverStatuses.has(head.statusCode)) {
      const retryAfter = headerValue(head.headers, 'retry-after')
      const failure: AttemptFailure = {
        kind: 'status',
        statusCode: head.statusCode,
        retryAfterMs:
          retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, this.#services.clock.nowMs()),
      }
      this.#noteStatus(attempt.target.endpoint, failure)
      if (this.#moveOn(attempt, failure)) return false
    }
    this.#head = head
    return true
  }

  data(attempt: Attempt, chunk: Buffer): boolean {
    if (this.#phase === 'waiting') this.#firstByte(attempt)
    if (this.#phase === 'over') return true
    const { timeouts } = attempt.target.endpoint
    this.#limit(timeouts.idleMs)
    if (this.#relay.write(chunk)) return true
    this.#phase = 'stalled'
    this.#limit(this.#services.options.clientStallMs)
    return false
  }

  complete(attempt: Attempt): void {
    if (this.#phase === 'waiting') this.#firstByte(attempt)
    if (this.#phase === 'over') return
    this.#relay.end()
    this.#dropAttempt(attempt)
    this.#readUsage()
    this.#settle(outcomeOf(attempt.statusCode ?? 0))
  }

  failed(attempt: Attempt, failure: AttemptFailure): void {
    if (this.#phase === 'over') return
    if (this.#phase === 'relaying' || this.#phase === 'stalled') {
      this.#broken(attempt, failure)
      return
    }
    const { endpoint } = attempt.target
    if (failure.kind === 'refused' || failure.kind === 'unreachable' || failure.kind === 'dns') {
      this.#services.health.report(endpoint.slot, {
        kind: failure.kind === 'refused' ? 'refused' : 'unreachable',
      })
    }
    if (failure.kind === 'total_timeout' || !this.#moveOn(attempt, failure)) {
      if (this.#attempt === attempt) this.#recordFailure(attempt, failure)
      this.#giveUp()
    }
  }

  // Moving on

  /**
   * Leaves a failed attempt for the next try, now or after a wait.
   * @returns false where there is no other try: nothing has been changed then
   */
  #moveOn(attempt: Attempt, failure: AttemptFailure): boolean {
    const { slot } = attempt.target.endpoint
    this.#exclude(slot)
    const another = this.#somebodyElse()
    const waitMs = another ? 0 : this.#waitBeforeNextRound(failure)
    if (waitMs === undefined) return false
    if (!neverSent(failure.kind) && !this.#services.retries.spend()) return false
    this.#recordFailure(attempt, failure)
    if (failure.kind === 'status') this.#passOver(attempt)
    this.#services.events.publish('request.failover', {
      requestId: this.context.id,
      model: this.context.model,
      from: attempt.target.endpoint.name,
      reason: describeFailure(failure),
    })
    // Out of the endpoint's callback first: undici is still inside its parser.
    if (another) queueMicrotask(() => this.#resumeChoosing())
    else this.#backOff(waitMs)
    this.#phase = another ? 'choosing' : 'backoff'
    return true
  }

  #resumeChoosing(): void {
    if (this.#phase === 'choosing') this.#choose()
  }

  #recordFailure(attempt: Attempt, failure: AttemptFailure): void {
    const { breakers, stats, clock } = this.#services
    const { endpoint } = attempt.target
    this.#lastFailure = failure
    this.#failures ??= []
    this.#failures.push(`${endpoint.name}: ${describeFailure(failure)}`)
    breakers.get(endpoint.slot).settle(attempt.permit, failure)
    stats.recordAttempt(endpoint.slot, true)
    this.context.attempts.push({
      endpoint: endpoint.name,
      durationMs: clock.monotonicMs() - attempt.startedMs,
      reason: describeFailure(failure),
    })
    this.#freePlace(attempt)
  }

  #passOver(attempt: Attempt): void {
    this.#passedOver?.cancel()
    this.#passedOver = attempt
  }

  #noteStatus(endpoint: Endpoint, failure: AttemptFailure): void {
    const { health, coolDowns } = this.#services
    if (failure.statusCode === 429) {
      health.report(endpoint.slot, { kind: 'rate_limited', retryAfterMs: failure.retryAfterMs })
    } else if (failure.retryAfterMs !== undefined) {
      coolDowns.set(endpoint.slot, failure.retryAfterMs)
    }
  }

  #giveUp(): void {
    const passedOver = this.#passedOver
    const kept = passedOver?.adopt()
    if (passedOver !== undefined && kept !== undefined) {
      this.#relayKept(passedOver, kept.head, kept.chunks, kept.complete)
      return
    }
    const failure = this.#lastFailure
    const options = { attempts: this.#failures, cause: failure?.cause }
    if (failure === undefined) {
      this.#fail(
        this.#someAreFull()
          ? new GatewayError('at_capacity', undefined, { retryAfterSeconds: 1 })
          : new GatewayError('no_healthy_endpoints', undefined, {
              retryAfterSeconds: this.#services.load.retryAfterSeconds(this.#request.routing.candidates),
            }),
      )
      return
    }
    const tried = `Tried ${this.#failures?.join('; ') ?? ''}.`
    this.#fail(
      isTimeout(failure)
        ? new GatewayError('upstream_timeout', `No endpoint answered in time. ${tried}`, options)
        : new GatewayError('upstream_failed', `No endpoint could answer the request. ${tried}`, options),
    )
  }

  /** The best that was there: an answer that was passed over in the hope of a better one. */
  #relayKept(attempt: Attempt, head: UpstreamHead, chunks: readonly Buffer[], complete: boolean): void {
    this.#head = head
    this.#attempt = attempt
    this.#begin(attempt, head)
    this.#phase = 'relaying'
    this.#limit(attempt.target.endpoint.timeouts.idleMs)
    for (const chunk of chunks) this.#relay.write(chunk)
    if (complete) {
      this.#relay.end()
      this.#settle(outcomeOf(head.statusCode))
    }
  }

  // Answering

  #firstByte(attempt: Attempt): void {
    const head = this.#head
    if (head === undefined) return
    const { clock, breakers, stats } = this.#services
    const nowMs = clock.monotonicMs()
    const { slot } = attempt.target.endpoint
    attempt.firstByteMs = nowMs - attempt.startedMs
    breakers
      .get(slot)
      .settle(attempt.permit, {
        kind: 'answered',
        statusCode: head.statusCode,
        firstByteMs: attempt.firstByteMs,
      })
    stats.recordAttempt(slot, head.statusCode >= 500)
    this.#services.retries.requestAnswered()
    this.#begin(attempt, head)
    this.#phase = 'relaying'
  }

  #begin(attempt: Attempt, head: UpstreamHead): void {
    const { context } = this
    const { endpoint } = attempt.target
    const { options, clock } = this.#services
    this.#passedOver?.cancel()
    context.endpoint = endpoint.name
    context.status = head.statusCode
    context.firstByteMs = clock.monotonicMs() - context.startedAtMs
    const contentType = headerValue(head.headers, 'content-type')
    const format = streamFormat(contentType)
    const own = this.#ownHeaders(endpoint, format !== 'other')
    const names = new Set<string>()
    for (let at = 0; at < own.length; at += 2) names.add((own[at] ?? '').toLowerCase())
    const headers = clientHeaders(head.headers, own, names, endpoint.secretHeaderNames, options.version)
    this.#reply.hijack()
    this.#relay.begin(head.statusCode, headers, {
      format,
      hasLength: headerValue(headers, 'content-length') !== undefined,
      gatherBytes: options.gatherBytes(contentType),
    })
  }

  #ownHeaders(endpoint: Endpoint, isStream: boolean): string[] {
    const { context } = this
    const { routing } = this.#request
    const own: string[] = []
    const set = this.#reply.getHeaders()
    for (const name in set) {
      const value = set[name]
      if (Array.isArray(value)) for (const each of value) own.push(name, each)
      else if (value !== undefined) own.push(name, String(value))
    }
    own.push('X-Olla-Endpoint', endpoint.name, 'X-Olla-Backend-Type', endpoint.type)
    if (context.modelHeader !== undefined) own.push('X-Olla-Model', context.modelHeader)
    own.push('X-Olla-Response-Time', `${Math.round(context.firstByteMs ?? 0)}ms`)
    if (routing.strategy !== undefined) {
      own.push('X-Olla-Routing-Strategy', routing.strategy)
      own.push('X-Olla-Routing-Decision', routing.decision)
      own.push('X-Olla-Routing-Reason', routing.reason)
    }
    if (this.#failures !== undefined) own.push('X-Olla-Attempts', String(this.#failures.length + 1))
    own.push('X-Served-By', `Olla/${this.#services.options.version}`)
    // Buffering proxies in front would hold tokens back.
    if (isStream) own.push('X-Accel-Buffering', 'no')
    return own
  }

  clientDrained(): void {
    if (this.#phase !== 'stalled') return
    this.#phase = 'relaying'
    const attempt = this.#attempt
    if (attempt === undefined) return
    this.#limit(attempt.target.endpoint.timeouts.idleMs)
    attempt.resume()
  }

  // Ending

  /** The client has gone: whatever is under way for it stops now and counts against nobody. */
  clientClosed(): void {
    if (this.#phase === 'over' || this.#raw.writableEnded) return
    const attempt = this.#attempt
    if (attempt !== undefined) {
      attempt.cancel()
      this.#services.breakers.get(attempt.target.endpoint.slot).release(attempt.permit)
      this.#dropAttempt(attempt)
    }
    this.#readUsage()
    this.#settle('client_closed')
  }

  onDeadline(nowMs: number): void {
    const attempt = this.#attempt
    const isTotal = nowMs >= this.#totalDeadlineMs
    switch (this.#phase) {
      case 'connecting':
      case 'waiting':
        attempt?.expire({ kind: isTotal ? 'total_timeout' : 'first_byte_timeout' })
        break
      case 'relaying':
        attempt?.expire({ kind: isTotal ? 'total_timeout' : 'idle_timeout' })
        break
      case 'stalled':
        if (isTotal) attempt?.expire({ kind: 'total_timeout' })
        // A client that takes nothing for so long has left without saying so.
        else this.#raw.destroy()
        break
      case 'queued':
        this.#services.queue.leave(this)
        this.#fail(new GatewayError('at_capacity', undefined, { retryAfterSeconds: 1 }))
        break
      case 'choosing':
      case 'backoff':
        this.#lastFailure ??= { kind: 'total_timeout' }
        this.#giveUp()
        break
      case 'over':
        break
    }
  }

  /** Ends the request visibly because the gateway stops. */
  cut(): void {
    if (this.#phase === 'over') return
    const attempt = this.#attempt
    attempt?.cancel()
    if (attempt !== undefined) {
      this.#services.breakers.get(attempt.target.endpoint.slot).release(attempt.permit)
      this.#dropAttempt(attempt)
    }
    if (this.#raw.headersSent) {
      const error = new GatewayError('draining')
      this.#relay.breakOff((format) => errorEvent(this.context.dialect, format, error, this.context.id))
      this.context.error = error.code
      this.#settle('failure')
    } else {
      this.#fail(new GatewayError('draining', undefined, { retryAfterSeconds: 1 }))
    }
  }

  /** The endpoint broke off an answer that the client has begun to read. */
  #broken(attempt: Attempt, failure: AttemptFailure): void {
    const { endpoint } = attempt.target
    const text = describeFailure(failure)
    const error = new GatewayError(
      isTimeout(failure) ? 'upstream_timeout' : 'upstream_broken',
      `The endpoint broke off its answer: ${text}.`,
    )
    this.#services.breakers.get(endpoint.slot).settle('closed', failure)
    this.context.attempts.push({
      endpoint: endpoint.name,
      durationMs: this.#services.clock.monotonicMs() - attempt.startedMs,
      reason: text,
    })
    this.context.error = error.code
    this.#dropAttempt(attempt)
    this.#readUsage()
    this.#relay.breakOff((format) => errorEvent(this.context.dialect, format, error, this.context.id))
    this.#settle('failure')
  }

  /** Nothing has been sent to the client yet: the error handler answers in its dialect. */
  #fail(error: GatewayError): void {
    if (this.#phase === 'over') return
    this.context.error = error.code
    this.context.status = error.statusCode
    const { routing } = this.#request
    this.#settle(outcomeOf(error.statusCode))
    void routing
    this.#reply.send(error)
  }

  #settle(outcome: RequestOutcome): void {
    const { context } = this
    const { clock, active, deadlines, queue, stats } = this.#services
    if (this.#phase === 'queued') queue.leave(this)
    this.#phase = 'over'
    this.#timer?.cancel()
    this.#passedOver?.cancel()
    deadlines.delete(this)
    active.delete(this)
    context.responseBytes = this.#relay.bodyBytes
    context.outcome = outcome
    const last = this.#attempt?.target ?? undefined
    stats.record({
      endpointSlot: last?.endpoint.slot,
      model: context.model,
      outcome,
      status: context.status,
      requestBytes: context.requestBytes,
      responseBytes: context.responseBytes,
      durationMs: clock.monotonicMs() - context.startedAtMs,
      firstByteMs: context.firstByteMs,
      promptTokens: context.promptTokens,
      completionTokens: context.completionTokens,
      completedAtMs: clock.nowMs(),
    })
  }

  #readUsage(): void {
    const usage = readTailUsage(this.#relay.tail())
    if (usage === undefined) return
    this.context.promptTokens = usage.promptTokens
    this.context.completionTokens = usage.completionTokens
  }

  /** Gives the attempt's place back; it stays known as the last one for the statistics. */
  #dropAttempt(attempt: Attempt): void {
    this.#freePlace(attempt)
  }

  #freePlace(attempt: Attempt): void {
    if (attempt.placeFreed) return
    attempt.placeFreed = true
    const { slot } = attempt.target.endpoint
    this.#services.inFlight.release(slot)
    this.#services.queue.released(slot)
  }

  #exclude(slot: number): void {
    this.#excluded ??= new Set()
    this.#excluded.add(slot)
  }

  #limit(stageMs: number): void {
    this.deadlineMs = Math.min(
      this.#totalDeadlineMs,
      deadlineAfter(this.#services.clock.monotonicMs(), stageMs),
    )
  }
}

function deadlineAfter(nowMs: number, limitMs: number): number {
  return limitMs > 0 ? nowMs + limitMs : Number.POSITIVE_INFINITY
}

function isTimeout(failure: AttemptFailure): boolean {
  switch (failure.kind) {
    case 'first_byte_timeout':
    case 'idle_timeout':
    case 'total_timeout':
    case 'connect_timeout':
      return true
    default:
      return false
  }
}

/** 4xx is the client's doing, 5xx a failure. */
function outcomeOf(status: number): RequestOutcome {
  if (status >= 500 || status === 0) return 'failure'
  return status >= 400 ? 'rejection' : 'success'
}
