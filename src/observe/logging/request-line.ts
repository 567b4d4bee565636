import { translationText } from '../../dialects/translate/request-translation.ts'
import { withoutKeys } from '../../kernel/names/key-like.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import type { RequestSession } from '../../proxy/contract/request-session.ts'
import { upstreamTimeMs } from '../../proxy/request/own-time.ts'
import { depthOf } from '../../proxy/request/request-sessions.ts'
import { redactQuery } from './redact.ts'

export type LineLevel = 'debug' | 'info' | 'warn' | 'error'

/** Facts of a request line that are not in its context. */
export interface LoggedRequest {
  readonly method: string
  readonly url: string
  readonly userAgent: string | undefined
}

/**
 * The log record of a finished request, with times in milliseconds with two decimals. `createRequestLineWriter` produces
 * the same members.
 */
export function requestLine(
  context: RequestContext,
  request: LoggedRequest,
  durationMs: number,
): Record<string, unknown> {
  const { attempts, answer } = context
  return {
    request_id: context.id,
    trace_id: context.traceId,
    client_ip: context.clientAddress,
    caller: context.caller,
    key_id: context.identity?.keyId,
    method: request.method,
    path: redactQuery(request.url),
    status: context.status,
    outcome: context.outcome,
    model: context.model,
    endpoint: context.endpoint,
    attempts: context.attemptCount > 0 ? context.attemptCount : undefined,
    failed_attempts: failedAttempts(attempts),
    hedge: context.hedge?.result,
    first_byte_ms: maybeRounded(context.firstByteMs),
    first_token_ms: maybeRounded(answer?.firstTokenMs),
    queue_ms: maybeRounded(context.queuedMs),
    overhead_ms: maybeRounded(context.overheadMs),
    upstream_ms: maybeRounded(upstreamTimeMs(context)),
    duration_ms: rounded(durationMs),
    request_bytes: context.requestBytes,
    response_bytes: context.responseBytes,
    input_tokens: context.promptTokens,
    output_tokens: context.completionTokens,
    output_tokens_counted: answer?.isCounted === true ? true : undefined,
    cached_tokens: answer?.cachedTokens,
    tokens_per_sec: maybeRounded(answer?.tokensPerSecond),
    inter_token_ms: maybeRounded(answer?.interTokenMs),
    inter_token_max_ms: maybeRounded(answer?.interTokenMaxMs),
    load_ms: maybeRounded(answer?.loadMs),
    prompt_ms: maybeRounded(answer?.promptMs),
    ...(context.session === undefined ? undefined : sessionFields(context.session)),
    routing_strategy: context.routingStrategy,
    routing_decision: context.routingDecision,
    routing_reason: context.routingReason,
    translation: context.translation === undefined ? undefined : translationText(context.translation),
    streamed_upstream: context.isStreamedUpstream ? true : undefined,
    config_version: context.configVersion,
    error: context.error,
    user_agent: request.userAgent === undefined ? undefined : withoutKeys(request.userAgent),
  }
}

/** Endpoints of failed attempts with the reasons; undefined if there are none. */
export function failedAttempts(attempts: RequestContext['attempts']): string[] | undefined {
  return attempts.length > 0 ? attempts.map(({ endpoint, reason }) => `${endpoint}: ${reason}`) : undefined
}

export function sessionFields({ key, decision }: RequestSession): Record<string, unknown> {
  return {
    sticky_outcome: decision.outcome,
    sticky_reason: decision.reason,
    sticky_key_source: key?.source,
    sticky_depth: key === undefined ? undefined : depthOf(key, decision),
    session_id: key?.sessionId,
  }
}

/** Successful polls of status routes are logged at a lower level. */
export function lineLevel(context: RequestContext, method: string): LineLevel {
  switch (context.outcome) {
    case 'failure':
      return 'error'
    case 'rejection':
    case 'cancelled':
      return 'warn'
    default:
      return context.routeClass === 'internal' && (method === 'GET' || method === 'HEAD') ? 'debug' : 'info'
  }
}

function maybeRounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : rounded(ms)
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
