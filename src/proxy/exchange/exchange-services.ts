import type { SectionOptions } from '../../config/options/sections.ts'
import type { Shortages } from '../../endpoints/connections/shortages.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { DeadlineEntry, DeadlineSweep } from '../../endpoints/resilience/deadline-sweep.ts'
import type { RetryPolicy } from '../../endpoints/resilience/retry-policy.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { AnswerServices } from '../answer/client-answer.ts'
import type { ContinuationServices } from '../answer/continuation.ts'
import type { Affinity } from '../contract/affinity.ts'
import type { RequestContext } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { Attempt, AttemptOwner } from './attempt.ts'
import type { AttemptLedger, LedgerServices } from './attempt-ledger.ts'
import type { SendServices } from './attempt-request.ts'
import type { SearchServices } from './candidate-search.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { FailoverServices } from './failover.ts'
import type { FormServices } from './late-translation.ts'

/** A request in flight, as the engine and the views of live requests see it. */
export interface ActiveExchange extends DeadlineEntry {
  readonly context: RequestContext
  readonly phase: ExchangePhase
  readonly responseBytes: number
  /** Undefined unless the request may get a second attempt. */
  readonly hedge: ArmedHedge | undefined
  /**
   * Ends the request so that the client sees it: the gateway or the endpoint cannot wait any longer.
   * @param message default: the gateway is shutting down
   */
  cut(message?: string): void
  /** Ends the request for an operator, upstream as well, so that the client sees it. Counts against no endpoint. */
  cancel(): void
}

/** An exchange as the second attempt of its request sees it. */
export interface HedgedExchange extends AttemptOwner {
  readonly phase: ExchangePhase
  /** Its current attempt. */
  readonly attempt: Attempt | undefined
  /**
   * Continues with the second attempt in place of its own, which has ended.
   * @param head of the second one's answer, if that has arrived
   * @param chunk with which this answer has proved to be good
   * @returns false to pause the endpoint
   */
  adopt(attempt: Attempt, head: UpstreamHead | undefined, chunk: Buffer | undefined): boolean
}

/** The second attempt of a request, and the timer before it. */
export interface ArmedHedge {
  /** Where the second attempt runs; undefined if none does. */
  readonly target: RoutedEndpoint | undefined
  /**
   * The first attempt failed: the exchange continues with the second one.
   * @returns false if none runs
   */
  takeOver(): boolean
  /** The answer of an attempt of the exchange has passed: aborts the second attempt. */
  answered(attempt: Attempt): void
  /** Aborts the second attempt if it runs on this endpoint. */
  leave(endpoint: string): void
  /** The request is over. */
  end(): void
}

/** Gives late requests a second attempt. */
export interface ArmHedge {
  /** @returns undefined if the request never gets one */
  arm(
    services: ExchangeServices,
    request: ExchangeRequest,
    ledger: AttemptLedger,
    exchange: HedgedExchange,
  ): ArmedHedge | undefined
}

/** Services that the exchange itself uses, without those of its parts. Times in milliseconds; 0 means no limit. */
export interface ConductServices {
  readonly clock: Clock
  readonly options: Pick<
    SectionOptions<'proxy'>,
    'responseTimeoutMs' | 'readTimeoutMs' | 'coldStartTimeoutMs' | 'outageWaitMs' | 'firstContentWaitMs'
  >
  /** Exchanges that have not settled, with their time limits. */
  readonly active: DeadlineSweep<ActiveExchange>
  readonly retries: Pick<RetryPolicy, 'requestStarted'>
  readonly breakers: Pick<CircuitBreakers, 'isTrialDue'>
  /** Explains connection failures caused by a shortage of the gateway's own resources. */
  readonly shortages: Pick<Shortages, 'explain'>
  readonly affinity?: Pick<Affinity, 'answered'> | undefined
  /** Undefined while hedging is off. */
  readonly hedging?: ArmHedge | undefined
}

/** Services that the exchanges of an engine share. Each part of an exchange gets only the services that it names. */
export type ExchangeServices = ConductServices &
  SearchServices &
  FailoverServices &
  LedgerServices &
  SendServices &
  FormServices &
  ContinuationServices &
  AnswerServices
