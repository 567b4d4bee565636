import { translationText } from '../../dialects/translate/request-translation.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import { upstreamTimeMs } from '../../proxy/request/own-time.ts'
import { LineMembers, roundedText } from './line-members.ts'
import { redactQuery } from './redact.ts'
import { failedAttempts, type LoggedRequest, sessionFields } from './request-line.ts'

/**
 * Serializes the members of `requestLine` like `JSON.stringify`, but without building the record, in a third of the
 * time.
 * @returns JSON without braces
 */
export function createRequestLineText(): (
  context: RequestContext,
  request: LoggedRequest,
  durationMs: number,
) => string {
  const clientIp = new LineMembers<string>('client_ip')
  const caller = new LineMembers<string>('caller')
  const method = new LineMembers<string>('method')
  const path = new LineMembers<string>('path')
  const status = new LineMembers<number>('status')
  const outcome = new LineMembers<string>('outcome')
  const model = new LineMembers<string>('model')
  const endpoint = new LineMembers<string>('endpoint')
  const attempts = new LineMembers<number>('attempts')
  const strategy = new LineMembers<string>('routing_strategy')
  const decision = new LineMembers<string>('routing_decision')
  const reason = new LineMembers<string>('routing_reason')
  const error = new LineMembers<string>('error')
  const userAgent = new LineMembers<string>('user_agent')

  return function requestLineText(context, request, durationMs) {
    const { answer, session } = context
    const failed = failedAttempts(context.attempts)
    let line = `"request_id":${JSON.stringify(context.id)}`
    if (context.traceId !== undefined) line += `,"trace_id":${JSON.stringify(context.traceId)}`
    line += clientIp.of(context.clientAddress)
    line += caller.of(context.caller)
    line += method.of(request.method)
    line += path.of(redactQuery(request.url))
    line += status.of(context.status)
    line += outcome.of(context.outcome)
    line += model.of(context.model)
    line += endpoint.of(context.endpoint)
    if (context.attemptCount > 0) line += attempts.of(context.attemptCount)
    if (failed !== undefined) line += `,"failed_attempts":${JSON.stringify(failed)}`
    line = withRounded(line, ',"first_byte_ms":', context.firstByteMs)
    line = withRounded(line, ',"first_token_ms":', answer?.firstTokenMs)
    line = withRounded(line, ',"queue_ms":', context.queuedMs)
    line = withRounded(line, ',"overhead_ms":', context.overheadMs)
    line = withRounded(line, ',"upstream_ms":', upstreamTimeMs(context))
    line = withRounded(line, ',"duration_ms":', durationMs)
    line = withNumber(line, ',"request_bytes":', context.requestBytes)
    line = withNumber(line, ',"response_bytes":', context.responseBytes)
    line = withNumber(line, ',"input_tokens":', context.promptTokens)
    line = withNumber(line, ',"output_tokens":', context.completionTokens)
    if (answer !== undefined) {
      if (answer.isCounted) line += ',"output_tokens_counted":true'
      line = withNumber(line, ',"cached_tokens":', answer.cachedTokens)
      line = withRounded(line, ',"tokens_per_sec":', answer.tokensPerSecond)
      line = withRounded(line, ',"inter_token_ms":', answer.interTokenMs)
      line = withRounded(line, ',"inter_token_max_ms":', answer.interTokenMaxMs)
      line = withRounded(line, ',"load_ms":', answer.loadMs)
      line = withRounded(line, ',"prompt_ms":', answer.promptMs)
    }
    if (session !== undefined) line += `,${JSON.stringify(sessionFields(session)).slice(1, -1)}`
    line += strategy.of(context.routingStrategy)
    line += decision.of(context.routingDecision)
    line += reason.of(context.routingReason)
    if (context.translation !== undefined) line += `,"translation":"${translationText(context.translation)}"`
    line += error.of(context.error)
    return line + userAgent.of(request.userAgent)
  }
}

function withNumber(line: string, start: string, value: number | undefined): string {
  return value === undefined ? line : line + start + (Number.isFinite(value) ? value : 'null')
}

function withRounded(line: string, start: string, value: number | undefined): string {
  return value === undefined ? line : line + start + roundedText(value)
}
