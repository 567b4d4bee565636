import type { Clock } from '../../kernel/clock.ts'
import type { CallerMeter } from '../contract/caller-meter.ts'
import type { RequestContext } from '../contract/context.ts'
import type { RequestOutcome } from '../contract/outcome.ts'
import type { RequestRecord, RequestStats } from '../contract/request-record.ts'
import type { RequestHookList } from './hooks.ts'
import { upstreamTimeMs } from './own-time.ts'

/** Services that concluding a request uses. */
export interface ConcludeServices {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly stats: Pick<RequestStats, 'record'>
  readonly hooks?: Pick<RequestHookList, 'over'> | undefined
  /** Undefined if nothing counts what callers use. */
  readonly meter?: Pick<CallerMeter, 'settle'> | undefined
}

/**
 * Counts a request that is over, served or refused, then calls the hooks. Called once per request.
 * @param endpointSlot the endpoint that answered, or the last one tried; undefined if none was
 */
export function concludeRequest(
  { clock, stats, hooks, meter }: ConcludeServices,
  context: RequestContext,
  outcome: RequestOutcome,
  endpointSlot: number | undefined,
): void {
  context.outcome = outcome
  const record = recordOf(context, outcome, endpointSlot, clock)
  stats.record(record)
  if (context.identity !== undefined) meter?.settle(context, record)
  hooks?.over(context, outcome)
}

function recordOf(
  context: RequestContext,
  outcome: RequestOutcome,
  endpointSlot: number | undefined,
  clock: ConcludeServices['clock'],
): RequestRecord {
  return {
    endpointSlot,
    model: context.model,
    outcome,
    status: context.status,
    requestBytes: context.requestBytes,
    responseBytes: context.responseBytes,
    durationMs: clock.monotonicMs() - context.startedAtMs,
    firstByteMs: context.firstByteMs,
    overheadMs: context.overheadMs,
    upstreamMs: upstreamTimeMs(context),
    promptTokens: context.promptTokens,
    completionTokens: context.completionTokens,
    answer: context.answer,
    attempts: context.attemptCount,
    queuedMs: context.queuedMs,
    queuePosition: context.queuePosition,
    completedAtMs: clock.nowMs(),
    routing: context.model === undefined ? undefined : context.routingDecision,
    translation: context.translation,
    client: context.caller ?? context.clientAddress,
  }
}
