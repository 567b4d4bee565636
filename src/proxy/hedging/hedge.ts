import type { SectionOptions } from '../../config/options/sections.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import { badAttempt, judge } from '../answer/answer-gate.ts'
import type { AttemptRecord } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { HedgeResult } from '../contract/hedge-result.ts'
import { Attempt, type AttemptOwner } from '../exchange/attempt.ts'
import type { AttemptLedger } from '../exchange/attempt-ledger.ts'
import { type SendServices, sendAttempt } from '../exchange/attempt-request.ts'
import type { ArmedHedge, ConductServices, HedgedExchange } from '../exchange/exchange-services.ts'
import { failureOfStatus } from '../exchange/give-up.ts'
import { type FormNotes, readNotes, writeNotes } from './form-notes.ts'
import type { HedgeCounts } from './hedge-cells.ts'
import { type IdleRules, type IdleServices, takeIdle } from './idle-candidate.ts'

/** Services of the exchange that its second attempt uses as well. */
export interface HedgeServices extends SendServices, IdleServices {
  readonly clock: Clock
  readonly options: SendServices['options'] &
    Pick<SectionOptions<'proxy'>, 'firstContentWaitMs'> & { readonly failoverStatuses: ReadonlySet<number> }
  readonly breakers: SendServices['breakers'] & IdleServices['breakers']
  readonly shortages: ConductServices['shortages']
}

/** What only hedging knows of a request. */
export interface HedgeRules extends IdleRules {
  readonly counts: HedgeCounts
  /** When the second attempt begins, from when the first was sent; undefined for never. */
  readonly delayMs: number | undefined
  /** Learns how long the first content of an answer took. */
  readonly learn: (timeMs: number) => void
}

/** The request that is hedged, with its exchange. */
export interface HedgedRequest {
  readonly request: ExchangeRequest
  readonly ledger: AttemptLedger
  readonly exchange: HedgedExchange
}

const outrun = 'another attempt answered first'
/** Timers may fire about a millisecond early. */
const timerMarginMs = 2

/**
 * The second attempt of one request, beside the first. It owns its attempt until this brings the first content, or until
 * the first attempt fails: then the exchange continues with it as its own.
 */
export class Hedge implements ArmedHedge, AttemptOwner {
  readonly #services: HedgeServices
  readonly #rules: HedgeRules
  readonly #hedged: HedgedRequest
  #timer: Timer | undefined
  #attempt: Attempt | undefined
  #head: UpstreamHead | undefined
  #notes: FormNotes | undefined
  #hasAnswer = false

  constructor(services: HedgeServices, rules: HedgeRules, hedged: HedgedRequest) {
    this.#services = services
    this.#rules = rules
    this.#hedged = hedged
    if (rules.delayMs !== undefined) this.#arm(rules.delayMs)
  }

  get target(): RoutedEndpoint | undefined {
    return this.#attempt?.target
  }

  takeOver(): boolean {
    const attempt = this.#attempt
    if (attempt === undefined) return false
    this.#adopt(attempt, undefined)
    return true
  }

  leave(endpoint: string): void {
    if (this.target?.endpoint.name === endpoint) this.#abandon('cancelled')
  }

  answered(attempt: Attempt): void {
    if (this.#hasAnswer) return
    this.#hasAnswer = true
    this.#cancelTimer()
    this.#abandon('lost')
    const { target, statusCode = 0, startedMs, sentMs = startedMs } = attempt
    // The time to load a model is not what a warm endpoint would take.
    if (statusCode < 300 && target.isWarm !== false)
      this.#rules.learn(this.#services.clock.monotonicMs() - sentMs)
  }

  end(): void {
    this.#cancelTimer()
    this.#abandon('cancelled')
    const { context } = this.#hedged.request
    const { counts } = this.#rules
    if (context.hedge !== undefined && context.promptTokens !== undefined)
      counts.add(0, counts.column('promptTokens'), context.promptTokens)
  }

  #arm(delayMs: number): void {
    this.#timer = this.#services.clock.after(delayMs, () => this.#begin())
  }

  #cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #begin(): void {
    this.#timer = undefined
    const first = unanswered(this.#hedged.exchange)
    if (first === undefined) return
    const { clock } = this.#services
    const { delayMs = 0, counts } = this.#rules
    // Another attempt than the one for which the timer was set.
    const leftMs = (first.sentMs ?? first.startedMs) + delayMs - clock.monotonicMs()
    if (leftMs > timerMarginMs) {
      this.#arm(leftMs)
      return
    }
    const taken = takeIdle(this.#services, this.#rules, this.#hedged.request.routing, first.target)
    if (typeof taken === 'string') counts.add(0, counts.column(taken), 1)
    else this.#send(new Attempt(this, taken.target, taken.permit, clock.monotonicMs()))
  }

  #send(attempt: Attempt): void {
    const { request, ledger } = this.#hedged
    const { context } = request
    const { counts } = this.#rules
    attempt.isHedge = true
    this.#attempt = attempt
    counts.add(0, counts.column('started'), 1)
    context.attemptCount++
    const before = readNotes(context)
    const error = sendAttempt(this.#services, ledger, request, attempt)
    this.#notes = readNotes(context)
    writeNotes(context, before)
    if (error !== undefined) this.#abandon('failed')
  }

  #decide(result: HedgeResult, loser: AttemptRecord | undefined): void {
    const { context } = this.#hedged.request
    const { counts } = this.#rules
    counts.add(0, counts.column(result), 1)
    context.hedge = { result, loser }
    context.headers.push('X-Olla-Hedge', result)
  }

  #abandon(result: HedgeResult): void {
    const attempt = this.#attempt
    if (attempt === undefined) return
    this.#attempt = undefined
    const { ledger } = this.#hedged
    this.#decide(result, ledger.recordOf(attempt, result === 'lost' ? outrun : result))
    ledger.abandon(attempt)
    ledger.free(attempt)
  }

  #adopt(attempt: Attempt, chunk: Buffer | undefined): boolean {
    this.#attempt = undefined
    const { request, ledger, exchange } = this.#hedged
    if (this.#notes !== undefined) writeNotes(request.context, this.#notes)
    const first = unanswered(exchange)
    this.#decide('won', first && ledger.recordOf(first, outrun))
    if (first !== undefined) this.#endFirst(first)
    attempt.handOver(exchange)
    ledger.adopts(attempt)
    return exchange.adopt(attempt, this.#head, chunk)
  }

  #endFirst(first: Attempt): void {
    const { startedMs, sentMs = startedMs } = first
    // Its answer would have taken at least as long.
    this.#rules.learn(this.#services.clock.monotonicMs() - sentMs)
    this.#hasAnswer = true
    const { ledger } = this.#hedged
    ledger.abandon(first)
    ledger.free(first)
  }

  sent(attempt: Attempt): void {
    attempt.sentMs = this.#services.clock.monotonicMs()
  }

  bodyWritten(): void {}

  head(attempt: Attempt, head: UpstreamHead): boolean {
    const { statusCode } = head
    const { options, clock } = this.#services
    if (statusCode < 300) this.#head = head
    else if (options.failoverStatuses.has(statusCode)) {
      const failure = failureOfStatus(head, clock.nowMs())
      this.#hedged.ledger.notePause(attempt, failure)
      this.#fail(attempt, failure)
    } else this.#abandon('failed') // What the request itself causes, the first attempt reports as well.
    return true
  }

  data(attempt: Attempt, chunk: Buffer): boolean {
    attempt.answeredMs ??= this.#services.clock.monotonicMs()
    const judgement = judge(this.#hedged.request, attempt, this.#head, chunk, this.#services.options)
    if (judgement === 'undecided') return true
    if (judgement === 'good') return this.#adopt(attempt, chunk)
    this.#fail(attempt, badAttempt(judgement, this.#head, attempt.gate).failure)
    return true
  }

  complete(attempt: Attempt): void {
    const judgement = judge(this.#hedged.request, attempt, this.#head, undefined, this.#services.options)
    if (typeof judgement === 'object') {
      this.#fail(attempt, badAttempt(judgement, this.#head, attempt.gate).failure)
      return
    }
    this.#adopt(attempt, undefined)
    this.#hedged.exchange.complete(attempt)
  }

  failed(attempt: Attempt, found: AttemptFailure): void {
    this.#fail(attempt, this.#services.shortages.explain(found))
  }

  #fail(attempt: Attempt, failure: AttemptFailure): void {
    attempt.cancel()
    this.#attempt = undefined
    const { ledger } = this.#hedged
    ledger.unreachable(attempt, failure)
    ledger.failed(attempt, failure)
    this.#decide('failed', undefined)
  }
}

/** The first attempt, if it runs and none of its answer has passed. */
function unanswered({ phase, attempt }: HedgedExchange): Attempt | undefined {
  const isHeld = phase === 'gathering' && attempt?.gate?.isError === false
  const isWaiting = phase === 'connecting' || phase === 'waiting' || isHeld
  return isWaiting && attempt?.slotFreed === false ? attempt : undefined
}
