import type { SectionOptions } from '../../config/options/sections.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import { failureEvidence } from '../../endpoints/resilience/evidence.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import type { LineRefusal } from '../../routing/line/line-contract.ts'
import type { LineTicket, LineWaiter } from '../../routing/line/line-ticket.ts'
import type { WaitingLine } from '../../routing/line/waiting-line.ts'
import type { RoutedEndpoint, Tier } from '../../routing/models/routing.ts'
import type { ClientAnswer } from '../answer/client-answer.ts'
import type { Heartbeat } from '../answer/heartbeat.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import { noteRefusal } from '../request/line-headers.ts'
import type { Rerouting } from '../request/rerouting.ts'
import type { Attempt } from './attempt.ts'
import type { Standing } from './attempt-estimates.ts'
import type { AttemptLedger } from './attempt-ledger.ts'
import { CandidateRounds, type ChoiceServices, maxPicks, type TakenEndpoint } from './candidate-rounds.ts'
import { deadlineAfter } from './exchange-phase.ts'
import type { Outlook } from './give-up.ts'
import { lineTalk, type TalkServices } from './line-talk.ts'
import { NextTry, type NextTryServices } from './next-try.ts'
import { waitingTicket } from './waiting-ticket.ts'

/** Services that the search for the next endpoint uses. */
export type SearchServices = ChoiceServices &
  TalkServices &
  NextTryServices & {
    readonly clock: Pick<Clock, 'after'>
    readonly options: Pick<SectionOptions<'proxy'>, 'queue'>
    readonly queue: Pick<
      WaitingLine,
      'enter' | 'leave' | 'served' | 'waiting' | 'waitedMs' | 'place' | 'refusal'
    >
    /** Undefined if endpoints never come or go. */
    readonly rerouting?: Rerouting | undefined
  }

/** The request that a search is for. */
export interface SearchOwner {
  /** Monotonic milliseconds. */
  readonly totalDeadlineMs: number
  /** Whether an answer was kept while another endpoint is tried. */
  readonly hasSetAside: boolean
  /**
   * The search continues later.
   * @param deadlineMs monotonic milliseconds by which it must have ended
   */
  waits(phase: 'queued' | 'backoff', deadlineMs: number): void
  send(taken: TakenEndpoint): void
  /** No candidate can accept the request, and none is worth waiting for. */
  giveUp(): void
}

/** Finds the next endpoint for one request: chooses one, or waits until one is available. */
export class CandidateSearch implements LineWaiter, Standing {
  readonly #services: SearchServices
  readonly #request: ExchangeRequest
  readonly #owner: SearchOwner
  readonly #ledger: AttemptLedger
  readonly #rounds: CandidateRounds
  readonly #answer: Pick<ClientAnswer, 'sendKeepAlive'>
  #talk: Heartbeat | undefined
  /** Created on first use: the first endpoint answers most requests. */
  #knownNext: NextTry | undefined
  /** The set of endpoints that the candidates are from. */
  #routedVersion: number | undefined
  /** In lines that it has left for another. */
  #waitedMs = 0
  #waiting: 'queued' | 'backoff' | undefined
  #timer: Timer | undefined
  #ticket: LineTicket | undefined
  /** Why the line did not accept the request. */
  #refusal: LineRefusal | undefined

  constructor(
    services: SearchServices,
    request: ExchangeRequest,
    owner: SearchOwner,
    ledger: AttemptLedger,
    answer: Pick<ClientAnswer, 'sendKeepAlive'>,
  ) {
    this.#answer = answer
    this.#services = services
    this.#request = request
    this.#owner = owner
    this.#ledger = ledger
    this.#rounds = new CandidateRounds(services, request, this)
    this.#routedVersion = services.rerouting?.version
  }

  ticket(): LineTicket {
    this.#ticket ??= waitingTicket(this.#request)
    return this.#ticket
  }

  wants(slot: number): boolean {
    return this.#rounds.wants(slot)
  }

  get isPatient(): boolean {
    return this.#rounds.patienceMs !== undefined
  }

  turns(): number {
    const { queue } = this.#services
    return queue.place(this)?.position ?? queue.waiting + 1
  }

  waitedMs(): number {
    return this.#services.queue.waitedMs(this)
  }

  wake(openSlot?: number): void {
    if (this.#waiting !== 'queued') return
    this.#rounds.openSlot = openSlot
    this.#next.rechecks()
    this.#reroutes()
    this.choose()
    this.#rounds.openSlot = undefined
  }

  /** Sends the request to the next candidate, waits for one, or gives up. */
  choose(): void {
    const { queue } = this.#services
    for (let picks = 0; picks < maxPicks; picks++) {
      if (this.#takesSlot()) return
      if (this.#rounds.anyAtCapacity()) {
        this.#refusal = queue.enter(this)
        if (this.#refusal !== undefined) break
        // Another thread may have released a slot before it could see this request in the queue.
        if (this.#takesSlot()) return
        this.#waitInQueue(this.#queueDeadlineMs)
        if (this.#rounds.patienceMs !== undefined) this.#recheckIn(this.#rounds.patienceMs)
        return
      }
      if (!this.#rounds.anyUntried()) break
    }
    this.#roundOver()
  }

  /**
   * What follows a failed attempt.
   * @returns milliseconds to wait before the next; 0 for none, undefined if there is no next attempt
   */
  after(attempt: Attempt, failure: AttemptFailure): number | undefined {
    const waitMs = this.#next.after(attempt, failure, this.#limits)
    if (waitMs !== undefined || failureEvidence(failure).movesOn === 'never') return waitMs
    return this.#next.attemptsLeft > 0 && this.#reroutes() && this.#rounds.anyUntried() ? 0 : undefined
  }

  /** Only these candidates can serve the request from now on. */
  narrow(tiers: readonly Tier[]): void {
    const { routing } = this.#request
    this.#request.routing = { ...routing, tiers, candidates: tiers.flatMap(({ candidates }) => candidates) }
    this.#rounds.moveTo(tiers)
  }

  /** Starts another round after a wait, or retries the candidates that could not be reached. */
  backOff(waitMs: number): void {
    if (this.#rounds.isShort) this.#rounds.retryUnsent()
    else this.#rounds.beginNext(this.#next.attemptsLeft)
    this.#waiting = 'backoff'
    this.#owner.waits('backoff', this.#owner.totalDeadlineMs)
    this.#timer = this.#services.clock.after(waitMs, () => {
      if (this.#waiting === 'backoff') this.choose()
    })
  }

  /** The headers report how this candidate was found. */
  noteRoute(target: RoutedEndpoint): void {
    this.#rounds.noteRoute(target)
  }

  /** Whether another candidate could take the request now or when a slot is released. */
  get hasUntried(): boolean {
    return this.#rounds.anyUntried()
  }

  /** Whether a candidate failed for another reason than a missing path. */
  get someFailedOtherwise(): boolean {
    return this.#rounds.someFailedOtherwise
  }

  /** Whether a candidate could not be tried because the gateway itself lacked resources. */
  get isShort(): boolean {
    return this.#rounds.isShort
  }

  /** What to report to a client that gets no answer from any candidate. */
  outlook(): Outlook {
    const outlook = this.#rounds.outlook()
    if (!outlook.anyAtCapacity) return outlook
    const refusal =
      this.#waiting === 'queued' && this.#ticket !== undefined
        ? this.#services.queue.refusal(this.#ticket, 'too_long', outlook.retryAfterSeconds)
        : this.#refusal
    // One that has waited reports where it stood.
    if (refusal !== undefined && refusal === this.#refusal) noteRefusal(this.#request.context, refusal)
    return { ...outlook, refusal }
  }

  /** The request is over. */
  end(): void {
    this.#timer?.cancel()
    this.#endTalk()
    if (this.#waiting === 'queued') {
      this.#services.queue.leave(this)
      this.#ledger.leftQueue(this.#services.clock.monotonicMs())
    }
    this.#waiting = undefined
  }

  #endTalk(): void {
    if (this.#talk === undefined) return
    this.#talk.stop()
    this.#talk = undefined
  }

  get #next(): NextTry {
    this.#knownNext ??= new NextTry(this.#services, this.#request, this.#rounds)
    return this.#knownNext
  }

  #takesSlot(): boolean {
    const taken = this.#rounds.take(this.#knownNext?.attemptsLeft ?? this.#services.options.maxAttempts)
    if (taken === undefined) return false
    this.#send(taken)
    return true
  }

  #send(taken: TakenEndpoint): void {
    this.#waiting = undefined
    this.#endTalk()
    if (this.#ticket !== undefined) this.#services.queue.served(this, taken.target.endpoint.slot)
    this.#owner.send(taken)
  }

  /** Every candidate was tried or cannot accept the request in the ordinary way. */
  #roundOver(): void {
    if (this.#reroutes()) {
      this.choose()
      return
    }
    const step = this.#next.atRoundEnd(this.#limits, this.#owner.hasSetAside)
    if (step?.kind === 'send') {
      this.#send(step.taken)
    } else if (step?.kind === 'back_off') {
      this.backOff(step.waitMs)
    } else if (step !== undefined && this.#entersLine()) {
      this.#waitInQueue(step.kind === 'outage' ? step.untilMs : this.#queueDeadlineMs)
      this.#recheckIn(step.recheckInMs)
    } else {
      this.#owner.giveUp()
    }
  }

  #entersLine(): boolean {
    this.#refusal = this.#services.queue.enter(this)
    return this.#refusal === undefined
  }

  /**
   * Takes other candidates if endpoints have come or gone since the request was routed.
   * @returns whether it has
   */
  #reroutes(): boolean {
    const { rerouting } = this.#services
    if (rerouting === undefined || rerouting.version === this.#routedVersion) return false
    this.#routedVersion = rerouting.version
    const outcome = rerouting.route(this.#request)
    if (outcome === undefined) return false
    this.#request.routing = outcome
    this.#rounds.moveTo(outcome.tiers)
    if (this.#ticket !== undefined) this.#changesLane(this.#ticket)
    return true
  }

  /** Others are before it in the line for other endpoints. */
  #changesLane({ lane }: LineTicket): void {
    const next = waitingTicket(this.#request)
    if (next.lane.key === lane.key) return
    this.#waitedMs += this.#services.queue.waitedMs(this)
    this.#services.queue.leave(this)
    this.#ticket = next
  }

  #waitInQueue(deadlineMs: number): void {
    this.#waiting = 'queued'
    this.#ledger.entersQueue(() => this.#services.queue.place(this))
    this.#talk ??= lineTalk(this.#services, this.#request, {
      place: () => this.#services.queue.place(this),
      send: (event) => this.#answer.sendKeepAlive(event),
    })
    this.#owner.waits('queued', deadlineMs)
  }

  #recheckIn(waitMs: number): void {
    const { queue, clock } = this.#services
    this.#timer?.cancel()
    this.#timer = clock.after(waitMs, () => {
      if (this.#waiting !== 'queued') return
      this.wake()
      if (!this.#isQueued) queue.leave(this)
    })
  }

  get #isQueued(): boolean {
    return this.#waiting === 'queued'
  }

  get #limits(): { totalMs: number; queueMs: number } {
    return { totalMs: this.#owner.totalDeadlineMs, queueMs: this.#queueDeadlineMs }
  }

  /** A request that was woken but found no place keeps its position in the queue and its deadline. */
  get #queueDeadlineMs(): number {
    const { queue, options, clock } = this.#services
    const sinceMs = clock.monotonicMs() - queue.waitedMs(this) - this.#waitedMs
    return Math.min(this.#owner.totalDeadlineMs, deadlineAfter(sinceMs, options.queue.maxWaitMs))
  }
}
