import type { SectionOptions } from '../../config/options/sections.ts'
import type { Shortages } from '../../endpoints/connections/shortages.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { DeadlineEntry, DeadlineSweep } from '../../endpoints/resilience/deadline-sweep.ts'
import type { RetryPolicy } from '../../endpoints/resilience/retry-policy.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { AnswerServices } from '../answer/client-answer.ts'
import type { ContinuationServices } from '../answer/continuation.ts'
import type { Affinity } from '../contract/affinity.ts'
import type { RequestContext } from '../contract/context.ts'
import type { Transport } from '../contract/transport.ts'
import type { LedgerServices } from './attempt-ledger.ts'
import type { AttemptRequestServices } from './attempt-request.ts'
import type { SearchServices } from './candidate-search.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { FailoverServices } from './failover.ts'
import type { FormServices } from './late-translation.ts'

/** A request in flight, as the engine and the views of live requests see it. */
export interface ActiveExchange extends DeadlineEntry {
  readonly context: RequestContext
  readonly phase: ExchangePhase
  readonly responseBytes: number
  /** Ends the request so that the client sees it: the gateway is stopping and cannot wait any longer. */
  cut(): void
  /** Ends the request for an operator, upstream as well, so that the client sees it. Counts against no endpoint. */
  cancel(): void
}

/** Services that the exchange itself uses, without those of its parts. Times in milliseconds; 0 means no limit. */
export interface ConductServices {
  readonly clock: Clock
  readonly options: Pick<
    SectionOptions<'proxy'>,
    'responseTimeoutMs' | 'readTimeoutMs' | 'coldStartTimeoutMs' | 'outageWaitMs' | 'firstContentWaitMs'
  >
  readonly transport: Transport
  /** Exchanges that have not settled, with their time limits. */
  readonly active: DeadlineSweep<ActiveExchange>
  readonly retries: Pick<RetryPolicy, 'requestStarted'>
  readonly breakers: Pick<CircuitBreakers, 'release'>
  /** Explains connection failures caused by a shortage of the gateway's own resources. */
  readonly shortages: Pick<Shortages, 'explain'>
  readonly affinity?: Pick<Affinity, 'answered'> | undefined
}

/** Services that the exchanges of an engine share. Each part of an exchange gets only the services that it names. */
export type ExchangeServices = ConductServices &
  SearchServices &
  FailoverServices &
  LedgerServices &
  AttemptRequestServices &
  FormServices &
  ContinuationServices &
  AnswerServices
