import type { SectionOptions } from '../../config/options/sections.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import type { DeadlineEntry, DeadlineSweep } from '../../endpoints/resilience/deadline-sweep.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { Clock } from '../../kernel/clock.ts'
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
import type { FirstContentTimes } from './first-content-times.ts'
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

/** What the hedges of a gateway share. */
export interface HedgeParts extends IdleRules {
  /** Those whose second attempt may become due: one timer for all. */
  readonly pending: Pick<DeadlineSweep<DeadlineEntry>, 'add' | 'delete'>
  readonly counts: HedgeCounts
  readonly times: Pick<FirstContentTimes, 'record'>
}

const outrun = 'another attempt answered first'

/**
 * The second attempt of one request, beside the first. It owns its attempt until this brings the first content, or until
 * the first attempt fails: then the exchange continues with it as its own.
 */
export class Hedge implements ArmedHedge, AttemptOwner, DeadlineEntry {
  deadlineMs = Number.POSITIVE_INFINITY
  sweepIndex = -1
  readonly #services: HedgeServices
  readonly #parts: HedgeParts
  readonly #request: ExchangeRequest
  readonly #ledger: AttemptLedger
  readonly #exchange: HedgedExchange
  readonly #row: number
  readonly #delayMs: number
  #attempt: Attempt | undefined
  #head: UpstreamHead | undefined
  #notes: FormNotes | undefined
  #hasAnswer = false

  /**
   * @param row of the model, in the times
   * @param delayMs from when the first attempt was sent; undefined for no second one
   */
  constructor(
    services: HedgeServices,
    parts: HedgeParts,
    request: ExchangeRequest,
    ledger: AttemptLedger,
    exchange: HedgedExchange,
    row: number,
    delayMs: number | undefined,
  ) {
    this.#services = services
    this.#parts = parts
    this.#request = request
    this.#ledger = ledger
    this.#exchange = exchange
    this.#row = row
    this.#delayMs = delayMs ?? 0
    if (delayMs === undefined) return
    this.deadlineMs = services.clock.monotonicMs() + delayMs
    parts.pending.add(this)
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
    this.#parts.pending.delete(this)
    this.#abandon('lost')
    const { target, statusCode = 0, startedMs, sentMs = startedMs } = attempt
    // The time to load a model is not what a warm endpoint would take.
    if (statusCode < 300 && target.isWarm !== false)
      this.#parts.times.record(this.#row, this.#services.clock.monotonicMs() - sentMs)
  }

  end(): void {
    this.#parts.pending.delete(this)
    this.#abandon('cancelled')
    const { context } = this.#request
    const { counts } = this.#parts
    if (context.hedge !== undefined && context.promptTokens !== undefined)
      counts.add(0, counts.column('promptTokens'), context.promptTokens)
  }

  onDeadline(nowMs: number): void {
    const first = unanswered(this.#exchange)
    if (first === undefined) return
    // Another attempt may have taken the place of the one for which the deadline was set.
    this.deadlineMs = (first.sentMs ?? first.startedMs) + this.#delayMs
    if (this.deadlineMs > nowMs) return
    this.#parts.pending.delete(this)
    const taken = takeIdle(this.#services, this.#parts, this.#request.routing, first.target)
    const { counts } = this.#parts
    if (typeof taken === 'string') counts.add(0, counts.column(taken), 1)
    else this.#send(new Attempt(this, taken.target, taken.permit, nowMs))
  }

  #send(attempt: Attempt): void {
    const { context } = this.#request
    const { counts } = this.#parts
    attempt.isHedge = true
    this.#attempt = attempt
    counts.add(0, counts.column('started'), 1)
    context.attemptCount++
    const before = readNotes(context)
    const error = sendAttempt(this.#services, this.#ledger, this.#request, attempt)
    this.#notes = readNotes(context)
    writeNotes(context, before)
    if (error !== undefined) this.#abandon('failed')
  }

  #decide(result: HedgeResult, loser: AttemptRecord | undefined): void {
    const { context } = this.#request
    const { counts } = this.#parts
    counts.add(0, counts.column(result), 1)
    context.hedge = { result, loser }
  }

  #abandon(result: HedgeResult): void {
    const attempt = this.#attempt
    if (attempt === undefined) return
    this.#attempt = undefined
    this.#decide(result, this.#ledger.recordOf(attempt, result === 'lost' ? outrun : result))
    this.#ledger.abandon(attempt)
    this.#ledger.free(attempt)
  }

  #adopt(attempt: Attempt, chunk: Buffer | undefined): boolean {
    this.#attempt = undefined
    if (this.#notes !== undefined) writeNotes(this.#request.context, this.#notes)
    const first = unanswered(this.#exchange)
    this.#decide('won', first && this.#ledger.recordOf(first, outrun))
    if (first !== undefined) this.#endFirst(first)
    attempt.handOver(this.#exchange)
    this.#ledger.adopts(attempt)
    return this.#exchange.adopt(attempt, this.#head, chunk)
  }

  #endFirst(first: Attempt): void {
    const { startedMs, sentMs = startedMs } = first
    // Its answer would have taken at least as long.
    this.#parts.times.record(this.#row, this.#services.clock.monotonicMs() - sentMs)
    this.#hasAnswer = true
    this.#ledger.abandon(first)
    this.#ledger.free(first)
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
      this.#ledger.notePause(attempt, failure)
      this.#fail(attempt, failure)
    } else this.#abandon('failed') // What the request itself causes, the first attempt reports as well.
    return true
  }

  data(attempt: Attempt, chunk: Buffer): boolean {
    attempt.answeredMs ??= this.#services.clock.monotonicMs()
    const judgement = judge(this.#request, attempt, this.#head, chunk, this.#services.options)
    if (judgement === 'undecided') return true
    if (judgement === 'good') return this.#adopt(attempt, chunk)
    this.#fail(attempt, badAttempt(judgement, this.#head, attempt.gate).failure)
    return true
  }

  complete(attempt: Attempt): void {
    const judgement = judge(this.#request, attempt, this.#head, undefined, this.#services.options)
    if (typeof judgement === 'object') {
      this.#fail(attempt, badAttempt(judgement, this.#head, attempt.gate).failure)
      return
    }
    this.#adopt(attempt, undefined)
    this.#exchange.complete(attempt)
  }

  failed(attempt: Attempt, found: AttemptFailure): void {
    this.#fail(attempt, this.#services.shortages.explain(found))
  }

  #fail(attempt: Attempt, failure: AttemptFailure): void {
    attempt.cancel()
    this.#attempt = undefined
    this.#ledger.unreachable(attempt, failure)
    this.#ledger.failed(attempt, failure)
    this.#decide('failed', undefined)
  }
}

/** The first attempt, if it runs and none of its answer has passed. */
function unanswered({ phase, attempt }: HedgedExchange): Attempt | undefined {
  const isHeld = phase === 'gathering' && attempt?.gate?.isError === false
  const isWaiting = phase === 'connecting' || phase === 'waiting' || isHeld
  return isWaiting && attempt?.slotFreed === false ? attempt : undefined
}
