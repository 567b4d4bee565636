import type { Shortages } from '../../endpoints/connections/shortages.ts'
import type { AnswerTimes } from '../../endpoints/health/answer-times.ts'
import type { HealthMonitor } from '../../endpoints/health/health-monitor.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { DeadlineSweep } from '../../endpoints/resilience/deadline-sweep.ts'
import type { RetryPolicy } from '../../endpoints/resilience/retry-policy.ts'
import type { UpstreamHead } from '../../http/headers/response-headers.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import type { AnswerObserver } from '../../kernel/stream/answer-transform.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'
import type { CapacityQueue } from '../../routing/selection/capacity-queue.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'
import type { EndpointSelector } from '../../routing/selection/selector.ts'
import type { Gauge } from '../../runtime/cells/gauge.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { RequestContext, RequestOutcome } from '../request/context.ts'
import type { RequestHookList } from '../request/hooks.ts'
import type { RequestStats } from '../request/request-record.ts'
import type { Transport } from '../transports/transport.ts'
import type { Exchange } from './exchange.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import type { LackKnowledge } from './missing-answer.ts'

/** Settings of all exchanges; times in milliseconds, 0 is no limit. */
export interface ExchangeOptions {
  /** Version of the gateway, for `Via` and its kind. */
  readonly version: string
  readonly totalTimeoutMs: number
  /** Longest wait for a place on an endpoint at its `max_concurrent`. */
  readonly queueWaitMs: number
  /** How long a client may take nothing before it counts as gone. */
  readonly clientStallMs: number
  /** First-byte limit where the endpoint must load the model first. */
  readonly coldStartMs: number
  /** How many more requests an endpoint may have that holds the model in memory, and still be preferred. */
  readonly warmMargin: number
  /** Whether answers get the model name that was asked for. */
  readonly renameAnswers: boolean
  /** Whether the gateway itself decides which origins may ask: endpoints' CORS headers stay behind it. */
  readonly answersCors: boolean
  /** Most attempts of one request that reach an endpoint. */
  readonly maxAttempts: number
  /** Longest wait for an endpoint that went down a short while ago, where nothing else can serve. */
  readonly outageWaitMs: number
  /** Answers that move a request to the next endpoint. */
  readonly failoverStatuses: ReadonlySet<number>
  /** Size up to which chunks of this content type are joined; 0 sends each at once. */
  gatherBytes(contentType: string | undefined): number
}

/** Keeps requests that belong together on one endpoint. */
export interface Affinity {
  /**
   * Which endpoint is to be asked next; before the selector, each time an endpoint is chosen. A candidate that cannot take
   * the request now is passed over.
   * @param excluded slots that have been tried
   */
  prefer(
    request: ExchangeRequest,
    candidates: readonly RoutedEndpoint[],
    excluded: ReadonlySet<number> | undefined,
  ): RoutedEndpoint | undefined
  /** An endpoint's answer, good or bad, is what the client gets; its head has not been written. */
  answered(request: ExchangeRequest, target: RoutedEndpoint, statusCode: number): void
  /** As `ExchangeServices.observe`. */
  observe?(answer: RelayedAnswer): RelayObserver | undefined
}

/** An answer that a client is about to get, as the endpoint gives it. */
export interface RelayedAnswer {
  readonly context: RequestContext
  readonly target: RoutedEndpoint
  readonly head: UpstreamHead
  /** That the endpoint was asked for, without its base path. */
  readonly path: string
}

/** Reads one answer to its end. */
export interface RelayObserver extends AnswerObserver {
  /** Called once, when the request is over and not yet counted: the context may still be completed. */
  end(outcome: RequestOutcome): void
}

/** What every exchange of an engine shares. */
export interface ExchangeServices {
  readonly clock: Clock
  readonly options: ExchangeOptions
  readonly transport: Transport
  readonly selector: EndpointSelector
  readonly load: LiveLoad
  readonly breakers: CircuitBreakers
  readonly inFlight: Gauge
  readonly health: Pick<HealthMonitor, 'report'>
  readonly answers: AnswerTimes
  readonly retries: RetryPolicy
  readonly queue: CapacityQueue
  /** Exchanges that have not settled, with their time limits. */
  readonly active: DeadlineSweep<Exchange>
  /** For what is held beside bodies; undefined counts nothing. */
  readonly budget?: BufferBudget | undefined
  readonly stats: RequestStats
  /** Learns of each connection that the gateway itself could not make. */
  readonly shortages: Shortages
  readonly events: EventBus
  readonly hooks?: RequestHookList | undefined
  readonly affinity?: Affinity | undefined
  /** Learns which endpoints lack a path or a model. */
  readonly lacks?: LackKnowledge | undefined
  /** Makes the reader of an answer; undefined where none is needed. Called once per relayed answer. */
  readonly observe?: ((answer: RelayedAnswer) => RelayObserver | undefined) | undefined
}
