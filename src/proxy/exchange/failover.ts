import { mayBeEmpty } from '../../dialects/answers/empty-answer.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import { failureEvidence } from '../../endpoints/resilience/evidence.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { GatewayError } from '../../kernel/errors.ts'
import type { Tier } from '../../routing/models/routing.ts'
import type { BadAttempt } from '../answer/answer-gate.ts'
import { lackingAnswer, mayLack } from '../answer/lacking-answer.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { Attempt, KeptAnswer } from './attempt.ts'
import type { AttemptLedger } from './attempt-ledger.ts'
import type { CandidateSearch } from './candidate-search.ts'
import { failureOfStatus, giveUpError } from './give-up.ts'
import { isTurnedAway, turnedAway } from './redirects.ts'
import { isGuess, type LackKnowledge, RequestLack } from './request-lack.ts'

/** Services that failover uses. */
export interface FailoverServices {
  readonly clock: Pick<Clock, 'nowMs'>
  readonly options: {
    /** Statuses that trigger failover. */
    readonly failoverStatuses: ReadonlySet<number>
  }
  /** Learns which endpoints lack a path or a model. */
  readonly lacks?: LackKnowledge | undefined
}

/** The request whose attempt failed. */
export interface FailoverOwner {
  /** With a target while a second attempt runs. */
  readonly hedge: { readonly target: unknown } | undefined
  /** Another candidate can be tried at once. */
  tryNext(): void
  /** There is no other candidate. */
  giveUp(): void
}

/** An answer that was kept and that the client gets after all. */
export interface TakenUp {
  readonly attempt: Attempt
  readonly kept: KeptAnswer
}

/**
 * Moves one request on from failed attempts, and keeps the best answer so far in case no other candidate does better.
 */
export class Failover {
  readonly #services: FailoverServices
  readonly #request: ExchangeRequest
  readonly #owner: FailoverOwner
  readonly #search: CandidateSearch
  readonly #ledger: AttemptLedger
  #knownLack: RequestLack | undefined
  /** A kept error answer; relayed after all if no other candidate does better. */
  #setAside: Attempt | undefined
  /** A complete answer without content that one endpoint gave: better than any failure of another. */
  #empty: Attempt | undefined
  #lastFailure: AttemptFailure | undefined
  #shortage: AttemptFailure | undefined

  constructor(
    services: FailoverServices,
    request: ExchangeRequest,
    owner: FailoverOwner,
    search: CandidateSearch,
    ledger: AttemptLedger,
  ) {
    this.#services = services
    this.#request = request
    this.#owner = owner
    this.#search = search
    this.#ledger = ledger
  }

  get hasSetAside(): boolean {
    const attempt = this.#setAside
    // A missing path at one endpoint does not decide while one that failed for another reason may have it.
    const isLack = attempt !== undefined && this.#knownLack?.isOfPath(attempt) === true
    return attempt !== undefined && !(isLack && this.#search.someFailedOtherwise)
  }

  /** The attempt failed before anything reached the client. */
  failed(attempt: Attempt, failure: AttemptFailure): void {
    if (!this.moveOn(attempt, failure)) this.#endWith(attempt, failure)
  }

  /**
   * Leaves a failed attempt for the next one, now or after a wait.
   * @returns false if there is none: the failure is final
   */
  moveOn(attempt: Attempt, failure: AttemptFailure): boolean {
    if (failure.kind === 'shortage') this.#shortage = failure
    const waitMs = this.#waitAfter(attempt, failure)
    if (waitMs === undefined) return this.#fallsBack(attempt, failure)
    this.#lastFailure = failure
    this.#ledger.failed(attempt, failure)
    if (failure.kind !== 'shortage') this.#ledger.movedOn(attempt, failure)
    if (failure.kind === 'status' || failure === turnedAway || attempt.kept !== undefined)
      this.#passOver(attempt)
    if (waitMs > 0) this.#search.backOff(waitMs)
    else this.#owner.tryNext()
    return true
  }

  /** The next attempt may run already. */
  #waitAfter(attempt: Attempt, failure: AttemptFailure): number | undefined {
    const waitMs = this.#search.after(attempt, failure)
    const hasNext = this.#owner.hedge?.target !== undefined && failureEvidence(failure).movesOn !== 'never'
    return hasNext ? 0 : waitMs
  }

  /**
   * Fails over from a redirect that is no answer.
   * @returns false if it is one, or no other candidate is left
   */
  turnsFrom(attempt: Attempt, head: UpstreamHead): boolean {
    return isTurnedAway(this.#request, attempt, head) && this.moveOn(attempt, turnedAway)
  }

  /**
   * Fails over if the endpoint lacks the requested path or model: another one may have it.
   * @returns false if the answer does not say so
   */
  lacks(attempt: Attempt, head: UpstreamHead, body: Buffer): boolean {
    const { method, path } = this.#request
    const lacking = mayLack(method, attempt.variant?.path ?? path, head)
      ? lackingAnswer(method, path, attempt, head, body)
      : undefined
    if (lacking === undefined) return false
    attempt.cancel()
    this.#lack.add(attempt, lacking)
    // An earlier answer of another endpoint says more about the request; so does the fact that others are known to have
    // the model.
    if (this.#setAside === undefined && !isGuess(attempt, lacking, this.#request))
      attempt.keepWhole(head, body)
    if (this.moveOn(attempt, lacking.failure)) return true
    this.#lastFailure = lacking.failure
    this.#ledger.failed(attempt, lacking.failure)
    if (attempt.kept !== undefined) this.#setAside = attempt
    this.#owner.giveUp()
    return true
  }

  /**
   * Handles a success status without a valid answer: another endpoint is tried, or the client gets the error that the
   * body contains.
   */
  badAnswer(attempt: Attempt, bad: BadAttempt): false {
    const { failure, reported, isRequests, isEmpty } = bad
    attempt.cancel()
    if (isEmpty === true) return this.#emptyAnswer(attempt, bad)
    if (failure.kind === 'path_missing') this.#lack.addPath(attempt, reported?.body)
    if (reported !== undefined) attempt.keepWhole(reported.head, reported.body)
    if (!isRequests || this.#services.options.failoverStatuses.has(reported?.head.statusCode ?? 0)) {
      this.#ledger.notePause(attempt, failure)
      if (this.moveOn(attempt, failure)) return false
    }
    this.#endWith(attempt, failure)
    return false
  }

  /** Returns to the answer without content that another endpoint gave, if there is one. */
  #fallsBack(attempt: Attempt, failure: AttemptFailure): boolean {
    if (this.#empty === undefined) return false
    attempt.cancel()
    this.#ledger.failed(attempt, failure)
    this.#owner.giveUp()
    return true
  }

  /** Fails over from a status that triggers it. @returns false if no other candidate is left */
  leaves(attempt: Attempt, head: UpstreamHead): boolean {
    const failure = failureOfStatus(head, this.#services.clock.nowMs())
    this.#ledger.notePause(attempt, failure)
    return this.moveOn(attempt, failure)
  }

  /**
   * Continues a stream that broke off on one of these candidates.
   * @returns false if none may be tried
   */
  continueOn(tiers: readonly Tier[], attempt: Attempt, failure: AttemptFailure): boolean {
    const waitMs = this.#search.after(attempt, failure)
    if (waitMs === undefined) return false
    this.#lastFailure = failure
    this.#ledger.broke(attempt, failure)
    this.#ledger.movedOn(attempt, failure)
    this.#ledger.free(attempt)
    this.#search.narrow(tiers)
    if (waitMs > 0) this.#search.backOff(waitMs)
    else this.#owner.tryNext()
    return true
  }

  /** Another endpoint is tried once; if it answers nothing either, the request is the cause. */
  #emptyAnswer(attempt: Attempt, { failure, reported }: BadAttempt): false {
    if (reported !== undefined) attempt.keepWhole(reported.head, reported.body)
    const isFirst = this.#empty === undefined
    const mayMove = isFirst && this.#search.hasUntried && !mayBeEmpty(this.#request.body)
    if (!isFirst) this.#ledger.failed(attempt, failure)
    if (mayMove && this.moveOn(attempt, failure)) this.#empty = attempt
    else this.#endWith(attempt, failure)
    return false
  }

  /** What the client gets if no candidate is left. */
  conclude(): TakenUp | GatewayError {
    const lack = this.#empty === undefined ? this.#knownLack?.error() : undefined
    if (lack !== undefined) return lack
    const attempt = this.hasSetAside ? this.#setAside : undefined
    const kept = attempt?.adopt()
    this.#setAside = undefined
    return attempt === undefined || kept === undefined
      ? giveUpError(this.#ledger.failures, this.#decisive, this.#search.outlook())
      : { attempt, kept }
  }

  /** Drops the kept answer: another one is good enough, or the request is over. */
  drop(): void {
    this.#setAside?.cancel()
  }

  /** If some endpoint could not be tried at all, that takes precedence over the failures of others. */
  get #decisive(): AttemptFailure | undefined {
    return this.#search.isShort ? this.#shortage : this.#lastFailure
  }

  get #lack(): RequestLack {
    this.#knownLack ??= new RequestLack(this.#services.lacks, this.#request)
    return this.#knownLack
  }

  #endWith(attempt: Attempt, failure: AttemptFailure): void {
    this.#lastFailure = failure
    if (attempt.kept === undefined) this.#ledger.failed(attempt, failure)
    else this.#passOver(attempt)
    this.#owner.giveUp()
  }

  #passOver(attempt: Attempt): void {
    if (this.#empty !== undefined && attempt !== this.#empty) {
      attempt.cancel()
      return
    }
    this.drop()
    this.#setAside = attempt
  }
}
