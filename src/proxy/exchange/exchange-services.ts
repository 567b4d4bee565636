import type { SectionOptions } from '../../config/options/sections.ts'
import type { Shortages } from '../../endpoints/connections/shortages.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { DeadlineEntry, DeadlineSweep } from '../../endpoints/resilience/deadline-sweep.ts'
import type { RetryPolicy } from '../../endpoints/resilience/retry-policy.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { AnswerServices } from '../answer/client-answer.ts'
import type { Affinity } from '../contract/affinity.ts'
import type { RequestContext } from '../contract/context.ts'
import type { Transport } from '../contract/transport.ts'
import type { LedgerServices } from './attempt-ledger.ts'
import type { AttemptRequestServices } from './attempt-request.ts'
import type { SearchServices } from './candidate-search.ts'
import type { ExchangePhase } from './exchange-phase.ts'
import type { FailoverServices } from './failover.ts'

/** A request under way, as the engine and the views of live requests know it. */
export interface ActiveExchange extends DeadlineEntry {
  readonly context: RequestContext
  readonly phase: ExchangePhase
  readonly responseBytes: number
  /** The gateway stops and can wait no longer: ends the request so that the client sees it. */
  cut(): void
  /** An operator ends the request: upstream as well, and so that the client sees it. Counts against no endpoint. */
  cancel(): void
}

/** What the exchange itself touches, beside what its parts do. Times in milliseconds, 0 is no limit. */
export interface ConductServices {
  readonly clock: Clock
  readonly options: Pick<
    SectionOptions<'proxy'>,
    'responseTimeoutMs' | 'readTimeoutMs' | 'coldStartTimeoutMs' | 'outageWaitMs'
  >
  readonly transport: Transport
  /** Exchanges that have not settled, with their time limits. */
  readonly active: DeadlineSweep<ActiveExchange>
  readonly retries: Pick<RetryPolicy, 'requestStarted'>
  readonly breakers: Pick<CircuitBreakers, 'release'>
  /** Explains failures to connect for want of the gateway's own resources. */
  readonly shortages: Pick<Shortages, 'explain'>
  readonly affinity?: Pick<Affinity, 'answered'> | undefined
}

/** What the exchanges of an engine share. Each part of an exchange takes only the services that it names. */
export type ExchangeServices = ConductServices &
  SearchServices &
  FailoverServices &
  LedgerServices &
  AttemptRequestServices &
  AnswerServices
