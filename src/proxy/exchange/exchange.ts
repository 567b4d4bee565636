import type { ServerResponse } from 'node:http'
import type { Judgement } from '../../dialects/answers/whole-answer.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { badAttempt, judge } from '../answer/answer-gate.ts'
import { ClientAnswer, endedEarly } from '../answer/client-answer.ts'
import { Continuation } from '../answer/continuation.ts'
import type { Heartbeat } from '../answer/heartbeat.ts'
import { awaitDrain, type ResponseListener, watchResponse } from '../answer/response-events.ts'
import { withTrueType } from '../answer/true-type.ts'
import type { ClientReply } from '../contract/client-reply.ts'
import type { RequestContext } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { RequestOutcome } from '../contract/outcome.ts'
import { Attempt } from './attempt.ts'
import { AttemptLedger } from './attempt-ledger.ts'
import { sendAttempt } from './attempt-request.ts'
import type { TakenEndpoint } from './candidate-rounds.ts'
import { CandidateSearch, type SearchOwner } from './candidate-search.ts'
import { deadlineAfter, type ExchangePhase, expiryOf, firstByteLimitMs } from './exchange-phase.ts'
import type { ActiveExchange, ArmedHedge, ExchangeServices, HedgedExchange } from './exchange-services.ts'
import { Failover, type FailoverOwner } from './failover.ts'
import { brokenError } from './give-up.ts'
import { nextForm } from './late-translation.ts'
import { followedRedirect } from './redirects.ts'

/**
 * Handles one client request: chooses an endpoint, tries it, fails over until one answers, and relays the answer. Until
 * the client has a status line, every endpoint failure is recoverable; after that, it is made visible to the client. An
 * exchange settles once, with one outcome.
 */
export class Exchange
  implements HedgedExchange, SearchOwner, FailoverOwner, ActiveExchange, ResponseListener
{
  phase: ExchangePhase = 'choosing'
  attempt: Attempt | undefined
  hedge: ArmedHedge | undefined
  deadlineMs: number
  totalDeadlineMs: number
  sweepIndex = -1
  readonly #services: ExchangeServices
  readonly #request: ExchangeRequest
  readonly #reply: ClientReply
  readonly #raw: ServerResponse
  readonly #answer: ClientAnswer
  readonly #search: CandidateSearch
  readonly #ledger: AttemptLedger
  #knownFailover: Failover | undefined
  #continuation: Continuation | undefined
  readonly #startedMs: number
  #head: UpstreamHead | undefined
  #heartbeat: Heartbeat | undefined
  #isCancelled = false

  constructor(services: ExchangeServices, request: ExchangeRequest, reply: ClientReply) {
    this.#services = services
    this.#request = request
    this.#reply = reply
    this.#raw = reply.raw
    this.#answer = new ClientAnswer(services, request, reply)
    this.#ledger = new AttemptLedger(services, request)
    this.#search = new CandidateSearch(services, request, this, this.#ledger, this.#answer)
    this.#startedMs = services.clock.monotonicMs()
    request.context.routedMs = this.#startedMs - request.context.startedAtMs
    this.totalDeadlineMs = deadlineAfter(this.#startedMs, services.options.responseTimeoutMs)
    this.deadlineMs = this.totalDeadlineMs
  }

  start(): void {
    watchResponse(this.#raw, this)
    this.#services.active.add(this)
    this.#services.retries.requestStarted()
    this.#heartbeat = this.#answer.heartbeat(() => this.phase !== 'stalled')
    if (this.#raw.destroyed) this.clientClosed()
    else this.#search.choose()
  }

  get context(): RequestContext {
    return this.#request.context
  }

  get responseBytes(): number {
    return this.#answer.bodyBytes
  }

  get hasSetAside(): boolean {
    return this.#knownFailover?.hasSetAside === true
  }

  waits(phase: 'queued' | 'backoff', deadlineMs: number): void {
    this.phase = phase
    this.deadlineMs = deadlineMs
  }

  send({ target, permit }: TakenEndpoint): void {
    this.#send(new Attempt(this, target, permit, this.#services.clock.monotonicMs()))
  }

  #send(attempt: Attempt): void {
    this.#makeCurrent(attempt)
    this.phase = 'connecting'
    this.#ledger.begins(attempt)
    if (attempt.permit === 'forced') this.#limit(this.#services.options.outageWaitMs)
    const request = this.#continuation?.request ?? this.#request
    const error = sendAttempt(this.#services, this.#ledger, request, attempt)
    if (error !== undefined) this.#fail(error)
  }

  #makeCurrent(attempt: Attempt): void {
    this.attempt = attempt
    this.totalDeadlineMs = deadlineAfter(this.#startedMs, attempt.target.endpoint.timeouts.totalMs)
    this.deadlineMs = this.totalDeadlineMs
  }

  sent(attempt: Attempt): void {
    this.#ledger.sent(attempt)
    this.#awaitByte(attempt)
    const { hedging } = this.#services
    if (hedging !== undefined) this.hedge ??= hedging.arm(this.#services, this.#request, this.#ledger, this)
  }

  #awaitByte({ target, sentMs }: Attempt): void {
    this.phase = sentMs === undefined ? 'connecting' : 'waiting'
    this.#limit(firstByteLimitMs(target, this.#services.options.coldStartTimeoutMs))
  }

  adopt(attempt: Attempt, head: UpstreamHead | undefined, chunk: Buffer | undefined): boolean {
    this.#makeCurrent(attempt)
    this.#head = head
    this.#search.noteRoute(attempt.target)
    if (attempt.gate === undefined) this.#awaitByte(attempt)
    else this.#holdBack(attempt)
    return chunk === undefined || this.#passes(attempt, 'good', chunk)
  }

  bodyWritten(): void {
    const isRelaying = this.phase === 'relaying' || this.phase === 'stalled'
    if (isRelaying && this.#continuation === undefined) this.#answer.releaseBody(this.attempt)
  }

  head(attempt: Attempt, head: UpstreamHead): boolean {
    const { options } = this.#services
    if (head.statusCode >= 300 && head.statusCode < 400) {
      const redirected = followedRedirect(this.#request, attempt, head)
      if (redirected !== undefined)
        return this.#replace(attempt, (nowMs) => attempt.following(redirected, nowMs))
      if (this.#failover.turnsFrom(attempt, head)) return false
    }
    if (options.failoverStatuses.has(head.statusCode) && this.#failover.leaves(attempt, head)) return false
    this.#head = head
    return true
  }

  data(attempt: Attempt, chunk: Buffer): boolean {
    if (this.phase !== 'waiting' && attempt.gate === undefined) return this.#relay(attempt, chunk)
    attempt.answeredMs ??= this.#services.clock.monotonicMs()
    const judgement = judge(this.#request, attempt, this.#head, chunk, this.#services.options)
    if (judgement !== 'undecided') return this.#passes(attempt, judgement, chunk)
    this.#holdBack(attempt)
    return true
  }

  #holdBack({ target, gate }: Attempt): void {
    this.phase = 'gathering'
    this.#limit(target.endpoint.timeouts.idleMs)
    this.deadlineMs = Math.min(this.deadlineMs, gate?.releaseMs ?? this.deadlineMs)
  }

  #relay(attempt: Attempt, chunk: Buffer): boolean {
    if (this.phase === 'over') return false
    if (attempt.gathered === undefined) this.#heartbeat?.touch()
    const taken = this.#answer.take(attempt.gathered, chunk)
    if (taken === true) {
      this.#limit(attempt.target.endpoint.timeouts.idleMs)
      return true
    }
    if (taken !== false) {
      // The client needs no more of the answer, or the gateway cannot keep it.
      attempt.cancel()
      if (taken === 'over') this.complete(attempt)
      else this.#stop(taken)
      return false
    }
    if (this.phase !== 'stalled') awaitDrain(this.#raw)
    this.phase = 'stalled'
    this.#limit(this.#services.options.readTimeoutMs)
    return false
  }

  complete(attempt: Attempt): void {
    if (this.phase === 'over') return
    if (this.phase === 'waiting' || attempt.gate !== undefined) {
      // `false` also reports a slow client; then the answer has begun.
      const judgement = judge(this.#request, attempt, this.#head, undefined, this.#services.options)
      if (!this.#passes(attempt, judgement) && this.phase !== 'stalled') return
    }
    if (attempt.gathered !== undefined && this.#head !== undefined) {
      const whole = attempt.gathered.end()
      if (attempt.gathered.failure !== undefined) {
        this.#failover.badAnswer(attempt, badAttempt(attempt.gathered.failure, this.#head, undefined))
        return
      }
      if (this.#answer.isInStream) {
        this.#ledger.answered(attempt, this.#head.statusCode)
        this.#answer.abortWithAnswer(whole)
        this.#settle('failure')
        return
      }
      this.#taken(attempt, whole.statusCode)
      this.#answer.beginWhole(attempt, this.#head, whole)
    }
    if (this.#continuation !== undefined && this.#answer.lacksEnd && this.#continues(attempt, endedEarly))
      return
    const failure = this.#answer.end(attempt)
    if (failure !== undefined) this.#ledger.broke(attempt, failure)
    this.#settle(failure === undefined ? this.#answer.outcome : 'failure')
  }

  failed(attempt: Attempt, found: AttemptFailure): void {
    const failure = this.#services.shortages.explain(found)
    if (this.phase === 'relaying' || this.phase === 'stalled') {
      if (this.#continues(attempt, failure)) return
      this.#ledger.broke(attempt, failure)
      this.#fail(brokenError(failure))
    } else {
      this.#ledger.unreachable(attempt, failure)
      this.#failover.failed(attempt, failure)
    }
  }

  #continues(attempt: Attempt, failure: AttemptFailure): boolean {
    const tiers = this.#continuation?.begin()
    return tiers !== undefined && this.#failover.continueOn(tiers, attempt, failure)
  }

  get #failover(): Failover {
    this.#knownFailover ??= new Failover(this.#services, this.#request, this, this.#search, this.#ledger)
    return this.#knownFailover
  }

  tryNext(): void {
    if (this.hedge?.takeOver() !== true) this.#afterReader(() => this.#search.choose())
  }

  /** Continues in a microtask: the transport is still inside its reader. */
  #afterReader(next: () => void): void {
    this.phase = 'choosing'
    queueMicrotask(() => {
      if (this.phase === 'choosing') next()
    })
  }

  giveUp(): void {
    const last = this.#failover.conclude()
    if (last instanceof GatewayError) {
      this.#fail(last)
      return
    }
    const { attempt, kept } = last
    this.attempt = attempt
    this.#search.noteRoute(attempt.target)
    this.#head = kept.head
    this.phase = 'waiting'
    this.#limit(attempt.target.endpoint.timeouts.idleMs)
    this.#firstByte(attempt)
    for (const chunk of kept.chunks) this.#relay(attempt, chunk)
    if (kept.complete) this.complete(attempt)
  }

  /** Relays what was held back, or handles an invalid answer. @returns false to pause the endpoint, or if it is over */
  #passes(attempt: Attempt, judgement: Judgement, chunk?: Buffer): boolean {
    const { gate } = attempt
    attempt.gate = undefined
    const bad = typeof judgement === 'object' ? badAttempt(judgement, this.#head, gate) : undefined
    const form = nextForm(this.#services, this.#request, attempt, gate, this.#head, bad)
    if (form !== undefined) return this.#replace(attempt, (nowMs) => attempt.inForm(form, nowMs))
    if (bad !== undefined) return this.#failover.badAnswer(attempt, bad)
    if (gate?.isError && this.#head !== undefined && this.#failover.lacks(attempt, this.#head, gate.body))
      return false
    this.phase = 'waiting'
    const { method = this.#request.method, path } = attempt.variant ?? this.#request
    const first = gate === undefined ? chunk : gate.chunks[0]
    this.#head = this.#head && withTrueType(this.#head, method, path, first)
    this.#firstByte(attempt)
    if (gate === undefined) return chunk === undefined || this.#relay(attempt, chunk)
    let keepsUp = true
    for (const held of gate.chunks) keepsUp = this.#relay(attempt, held)
    return keepsUp
  }

  /** Replaces an attempt by another one, such as another form of the request, on the same endpoint and place. */
  #replace(attempt: Attempt, next: (nowMs: number) => Attempt): false {
    attempt.cancel()
    this.#head = undefined
    this.#afterReader(() => {
      this.#ledger.repeats(attempt)
      this.#send(next(this.#services.clock.monotonicMs()))
    })
    return false
  }

  #firstByte(attempt: Attempt): void {
    if (this.#head === undefined) return
    this.hedge?.answered(attempt)
    const plan = this.#answer.plan(attempt, this.#head)
    attempt.gathered = plan.gathered
    if (plan.gathered !== undefined) {
      this.phase = 'gathering'
      return
    }
    this.#continuation ??= Continuation.of(this.#services, this.#request, plan)
    this.#taken(attempt, plan.head.statusCode)
    this.#answer.begin(attempt, this.#continuation?.watching(plan) ?? plan, true)
    this.#head = undefined
  }

  /** Accepts the answer for the client: no other endpoint will be tried. */
  #taken(attempt: Attempt, statusCode: number): void {
    this.#ledger.taken(attempt, statusCode)
    this.#knownFailover?.drop()
    this.phase = 'relaying'
    if (attempt.isBodyWritten && this.#continuation === undefined) this.#answer.releaseBody(attempt)
  }

  clientDrained(): void {
    const attempt = this.attempt
    if (this.phase !== 'stalled' || attempt === undefined) return
    this.phase = 'relaying'
    this.#limit(attempt.target.endpoint.timeouts.idleMs)
    attempt.resume()
  }

  /** The client disconnected: everything in flight for it stops and counts against no endpoint. */
  clientClosed(): void {
    if (this.phase === 'over' || this.#raw.writableEnded) return
    if (this.attempt !== undefined) this.#ledger.abandon(this.attempt)
    this.#settle('client_closed')
  }

  cut(message?: string): void {
    this.#stop(new GatewayError('draining', message, { retryAfterSeconds: 1 }))
  }

  cancel(): void {
    this.#isCancelled = true
    this.#stop(new GatewayError('cancelled'))
  }

  #stop(error: GatewayError): void {
    if (this.phase === 'over') return
    if (this.attempt !== undefined) this.#ledger.abandon(this.attempt)
    this.#fail(error)
  }

  onDeadline(nowMs: number): void {
    if (this.phase === 'over') return
    const attempt = this.attempt
    if (attempt?.gate !== undefined && nowMs >= attempt.gate.releaseMs && nowMs < this.totalDeadlineMs) {
      this.#passes(attempt, 'good')
      return
    }
    const kind = expiryOf(this.phase, nowMs >= this.totalDeadlineMs)
    if (kind !== undefined) this.attempt?.expire({ kind })
    // A client that has not read for so long has disconnected without closing the connection.
    else if (this.phase === 'stalled') this.#raw.destroy()
    else this.giveUp()
  }

  #fail(error: GatewayError): void {
    if (this.#answer.hasBegun) {
      this.#answer.abortWith(error)
      this.#settle('failure')
    } else {
      this.#settle(this.#answer.refuse(error))
      this.#reply.send(error)
    }
  }

  #settle(found: RequestOutcome): void {
    const outcome = this.#isCancelled ? 'cancelled' : found
    this.phase = 'over'
    this.#search.end()
    this.#heartbeat?.stop()
    this.#knownFailover?.drop()
    this.#services.active.delete(this)
    if (this.attempt !== undefined) this.#ledger.free(this.attempt)
    this.#answer.settled(outcome)
    this.hedge?.end()
    this.#ledger.settled(outcome, this.attempt, this.#answer.bodyBytes)
    this.#answer.over(this.attempt)
  }

  #limit(stageMs: number): void {
    this.deadlineMs = Math.min(
      this.totalDeadlineMs,
      deadlineAfter(this.#services.clock.monotonicMs(), stageMs),
    )
  }
}
