import { type AttemptFailure, describeFailure, neverSent } from '../../endpoints/connections/failure.ts'
import type { AnswerTimes } from '../../endpoints/health/answer-times.ts'
import type { HealthMonitor } from '../../endpoints/health/health-monitor.ts'
import { maxPauseMs } from '../../endpoints/resilience/cool-down.ts'
import { failureEvidence, statusEvidence } from '../../endpoints/resilience/evidence.ts'
import { withHeaders } from '../../http/headers/response-headers.ts'
import type { Gauge } from '../../kernel/cells/gauge.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { LinePlace } from '../../routing/line/line-ticket.ts'
import type { WaitingLine } from '../../routing/line/waiting-line.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { Affinity } from '../contract/affinity.ts'
import type { AttemptRecord } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { RequestOutcome } from '../contract/outcome.ts'
import type { RequestStats } from '../contract/request-record.ts'
import type { UpstreamRequest } from '../contract/transport.ts'
import { type ConcludeServices, concludeRequest } from '../request/conclude.ts'
import { type AttemptEnd, hookedAttempt, type RequestHookList } from '../request/hooks.ts'
import { notePlace, noteWait } from '../request/line-headers.ts'
import type { Attempt } from './attempt.ts'
import type { AttemptEstimates } from './attempt-estimates.ts'
import { aboutOf, type EvidenceServices, HeldEvidence } from './held-evidence.ts'
import type { LackKnowledge } from './request-lack.ts'

/** Services that the ledger of a request and its attempts uses. */
export interface LedgerServices extends EvidenceServices, ConcludeServices {
  readonly clock: Clock
  readonly stats: RequestStats
  readonly load: Pick<LiveLoad, 'penalties' | 'registry' | 'coolDowns'>
  readonly health: Pick<HealthMonitor, 'report'>
  readonly answers: Pick<AnswerTimes, 'answered'>
  readonly inFlight: Pick<Gauge, 'release'>
  readonly queue: Pick<WaitingLine, 'waiting' | 'released' | 'paused'>
  readonly events: Pick<EventBus, 'publish'>
  readonly hooks?: RequestHookList | undefined
  /** Learns which endpoints have a path. */
  readonly lacks?: Pick<LackKnowledge, 'path'> | undefined
  readonly affinity?: Pick<Affinity, 'answered'> | undefined
  /** Undefined unless the time to the first token is estimated. */
  readonly estimates?: AttemptEstimates | undefined
}

/** Pause after a 429 without `Retry-After`. */
const defaultCoolDownMs = 1_000
/** Timers may fire about a millisecond early. */
const pauseMarginMs = 20

/**
 * Reports the results of one request and its attempts to everything that counts them: circuit breakers, penalties,
 * health, statistics, the request's own record. Releases each attempt's place once.
 */
export class AttemptLedger {
  readonly #services: LedgerServices
  readonly #request: ExchangeRequest
  #queuedAtMs: number | undefined
  /** Failures not yet attributed to the endpoint or to the request. */
  #held: HeldEvidence | undefined

  constructor(services: LedgerServices, request: ExchangeRequest) {
    this.#services = services
    this.#request = request
  }

  /** Failed attempts as reported to clients: `endpoint: reason`, each distinct one once. */
  get failures(): string[] {
    const times = new Map<string, number>()
    for (const { endpoint, reason } of this.#request.context.attempts) {
      const failure = `${endpoint}: ${reason}`
      times.set(failure, (times.get(failure) ?? 0) + 1)
    }
    return [...times].map(([failure, count]) => (count === 1 ? failure : `${failure} (${count} times)`))
  }

  /** The request enters the queue for a slot on an endpoint. */
  entersQueue(place: () => LinePlace | undefined): void {
    if (this.#queuedAtMs !== undefined) return
    this.#queuedAtMs = this.#services.clock.monotonicMs()
    const entered = place()
    if (entered === undefined) return
    this.#request.context.queuePosition = entered.position
    notePlace(this.#request.context, entered)
  }

  /** The request leaves the queue, if it was in it. */
  leftQueue(nowMs: number): void {
    const { context } = this.#request
    if (this.#queuedAtMs === undefined || context.queuedMs !== undefined) return
    context.queuedMs = nowMs - this.#queuedAtMs
    noteWait(context, context.queuedMs)
  }

  /** The attempt becomes the current one. */
  begins({ target, startedMs, isRepeat }: Attempt): void {
    const { context } = this.#request
    this.leftQueue(startedMs)
    if (!isRepeat) context.attemptCount++
    context.lastEndpoint = target.endpoint.name
    context.lastModel = target.nativeModel
    context.attemptMs = startedMs - context.startedAtMs
    context.sentMs = undefined
    this.#services.estimates?.begins(this.#request, target, isRepeat)
  }

  /** An attempt that ran beside the current one becomes the current one. */
  adopts({ target, startedMs, sentMs }: Attempt): void {
    const { context } = this.#request
    context.lastEndpoint = target.endpoint.name
    context.lastModel = target.nativeModel
    context.attemptMs = startedMs - context.startedAtMs
    context.sentMs = sentMs === undefined ? undefined : sentMs - context.startedAtMs
    this.#services.estimates?.replaced(context)
  }

  /** The attempt's request was sent. */
  sent(attempt: Attempt): void {
    const { context } = this.#request
    attempt.sentMs = this.#services.clock.monotonicMs()
    context.sentMs = attempt.sentMs - context.startedAtMs
  }

  /** The endpoint is tried again with another form of the request; this counts as the same attempt. */
  repeats(attempt: Attempt): void {
    attempt.slotFreed = true
    this.#ended(attempt, 'answered')
  }

  /** The request fails over to another endpoint. */
  movedOn({ target }: Attempt, failure: AttemptFailure): void {
    const { id, model } = this.#request.context
    this.#services.stats.recordFailover(target.endpoint.slot)
    this.#services.events.publish('request.failover', {
      requestId: id,
      model,
      from: target.endpoint.name,
      reason: describeFailure(failure),
    })
  }

  /**
   * Calls the hooks of an attempt that is about to be sent.
   * @returns the request with the headers that hooks add
   */
  hooked(attempt: Attempt, request: UpstreamRequest): UpstreamRequest {
    const { hooks } = this.#services
    if (hooks?.watchesAttempts !== true) return request
    const { context } = this.#request
    attempt.hooked = hookedAttempt(context.attemptCount, attempt.target)
    const headers = hooks.attemptBegins(context, attempt.hooked)
    return headers.length === 0 ? request : { ...request, headers: withHeaders(request.headers, headers) }
  }

  /** The answer is taken for the client. */
  taken(attempt: Attempt, statusCode: number): void {
    const { lacks, affinity } = this.#services
    this.answered(attempt, statusCode)
    const { routing, path } = this.#request
    if (routing.learnsPath === true && statusCode < 300)
      lacks?.path(attempt.target, attempt.variant?.path ?? path, true)
    affinity?.answered(this.#request, attempt.target, statusCode)
  }

  /** The first byte of an answer for the client arrived. */
  answered(attempt: Attempt, statusCode: number): void {
    // An answer that was kept and is used after all was counted before.
    if (attempt.slotFreed) return
    this.#services.estimates?.answered(this.#request.context, statusCode)
    const { about } = statusEvidence(statusCode)
    if (about === 'model') {
      this.#hold(attempt, { kind: 'status', statusCode })
      return
    }
    const { breakers, stats, answers, clock } = this.#services
    const { slot } = attempt.target.endpoint
    const firstByteMs = (attempt.answeredMs ?? clock.monotonicMs()) - attempt.startedMs
    breakers.settle(attempt.target, attempt.permit, { kind: 'answered', statusCode, firstByteMs })
    stats.recordAttempt(slot, false)
    if (about === 'path') return
    answers.answered(slot)
    if (about === 'request') this.#held?.blameRequest()
    else this.#answeredWell(attempt)
  }

  #answeredWell(attempt: Attempt): void {
    const { registry, penalties } = this.#services.load
    const { target, permit } = attempt
    this.#held?.disprovedBy(attempt)
    if (permit === 'closed') return
    // The endpoint had been avoided, or was a last resort: from now on its answers count again.
    penalties.clear(target)
    if (permit === 'forced') this.#services.load.coolDowns.endWhole(target)
    if (!registry.isRoutable(target.endpoint.slot)) {
      this.#services.health.report(target.endpoint.slot, { kind: 'answered' })
    }
  }

  #hold(attempt: Attempt, failure: AttemptFailure): void {
    this.#held ??= new HeldEvidence(this.#services)
    this.#held.add(attempt, failure)
  }

  /** The attempt failed before any of its answer reached the client. */
  failed(attempt: Attempt, failure: AttemptFailure): void {
    const { about, credited } = failureEvidence(failure)
    const isOfServer = about === 'endpoint' || about === 'model'
    if (isOfServer && credited === 'when_disproved') {
      this.#hold(attempt, failure)
    } else {
      const { breakers, stats, load } = this.#services
      breakers.settle(attempt.target, attempt.permit, failure)
      stats.recordAttempt(attempt.target.endpoint.slot, isOfServer)
      if (isOfServer) load.penalties.failed(attempt.target, aboutOf(failure))
    }
    this.#note(attempt, failure)
    this.free(attempt)
  }

  /** An answer broke off after the client had started to read it; the attempt was counted as answered. */
  broke(attempt: Attempt, failure: AttemptFailure): void {
    // An error in the middle of an answer may be the client's mistake.
    if (failure.kind === 'bad_answer' && isClientMistake(failure.statusCode)) return
    this.#services.breakers.settle(attempt.target, 'closed', failure, 'model')
    this.#services.load.penalties.failed(attempt.target, 'model')
    this.#note(attempt, failure)
  }

  /** Ends an attempt whose answer is not needed; it counts against no endpoint. */
  abandon(attempt: Attempt): void {
    attempt.cancel()
    // An answer that was kept and is used after all was counted before.
    if (attempt.slotFreed) return
    this.#ended(attempt, 'abandoned')
    this.#services.breakers.release(attempt.target, attempt.permit)
  }

  /** Reports an endpoint that cannot be reached as down at once. */
  unreachable({ target }: Attempt, { kind }: AttemptFailure): void {
    if (!neverSent(kind) || kind === 'shortage') return
    const evidence = kind === 'refused' ? 'refused' : kind === 'tls' ? 'untrusted' : 'unreachable'
    this.#services.health.report(target.endpoint.slot, { kind: evidence })
  }

  /** Pauses an endpoint that asked for it. */
  notePause({ target }: Attempt, { statusCode, retryAfterMs }: AttemptFailure): void {
    if (retryAfterMs === undefined && statusCode !== 429) return
    const isWhole = this.#pause(target, retryAfterMs ?? defaultCoolDownMs)
    if (statusCode === 429 && retryAfterMs !== undefined && isWhole)
      this.#services.health.report(target.endpoint.slot, {
        kind: 'rate_limited',
        retryAfterMs: Math.min(retryAfterMs, maxPauseMs),
      })
  }

  /** @returns whether the whole endpoint pauses */
  #pause(target: RoutedEndpoint, pauseMs: number): boolean {
    const { clock, load, queue } = this.#services
    const { slot, maxConcurrent } = target.endpoint
    const knownMs = load.coolDowns.leftMs(target)
    const isWhole = load.coolDowns.set(target, pauseMs)
    if (maxConcurrent === 0) return isWhole
    // Of several simultaneous answers that ask for the same pause, the first is enough.
    if (pauseMs > knownMs + pauseMarginMs) queue.paused(slot)
    clock.after(pauseMs + pauseMarginMs, () => {
      if (load.coolDowns.leftMs(target) > 0) return
      for (let place = 0; place < maxConcurrent; place++) queue.released(slot)
    })
    return isWhole
  }

  free(attempt: Attempt): void {
    if (attempt.slotFreed) return
    attempt.slotFreed = true
    const { slot } = attempt.target.endpoint
    const { inFlight, load, queue, estimates } = this.#services
    estimates?.ended(this.#request.context, attempt.target)
    inFlight.release(slot)
    // While the endpoint pauses, no request can use the place: the timer of the pause wakes the one that waits for it.
    if (queue.waiting > 0 && load.coolDowns.leftMs(attempt.target) === 0)
      queue.released(slot, attempt.target.nativeModel)
  }

  /**
   * The request is over.
   * @param attempt the one that answered, or the last
   */
  settled(outcome: RequestOutcome, attempt: Attempt | undefined, responseBytes: number): void {
    const { context } = this.#request
    if (outcome === 'client_closed' || outcome === 'cancelled') this.#held?.drop()
    else this.#held?.conclude()
    context.responseBytes = responseBytes
    if (attempt !== undefined) {
      this.#services.estimates?.settled(context, attempt.target, outcome)
      this.#ended(attempt, 'answered')
    }
    concludeRequest(this.#services, context, outcome, attempt?.target.endpoint.slot)
  }

  #ended(attempt: Attempt, kind: AttemptEnd['kind'], reason?: string): void {
    const { hooked, startedMs, statusCode } = attempt
    if (hooked === undefined) return
    attempt.hooked = undefined
    const durationMs = this.#services.clock.monotonicMs() - startedMs
    this.#services.hooks?.attemptEnds(this.#request.context, hooked, { kind, statusCode, reason, durationMs })
  }

  #note(attempt: Attempt, failure: AttemptFailure): void {
    const reason = describeFailure(failure)
    this.#request.context.attempts.push(this.recordOf(attempt, reason))
    this.#ended(attempt, 'failed', reason)
  }

  /** The record of an attempt that ends now. */
  recordOf({ target, startedMs, sentMs, statusCode, isHedge }: Attempt, reason: string): AttemptRecord {
    const { startedAtMs } = this.#request.context
    return {
      endpoint: target.endpoint.name,
      startedMs: startedMs - startedAtMs,
      sentMs: sentMs === undefined ? undefined : sentMs - startedAtMs,
      statusCode,
      durationMs: this.#services.clock.monotonicMs() - startedMs,
      reason,
      ...(isHedge ? { isHedge } : undefined),
    }
  }
}

function isClientMistake(statusCode = 0): boolean {
  return statusCode >= 400 && statusCode < 500 && statusCode !== 429
}
