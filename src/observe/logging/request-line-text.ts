import { translationText } from '../../dialects/translate/request-translation.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import { upstreamTimeMs } from '../../proxy/request/own-time.ts'
import type { ComposedLines } from './line-logger.ts'
import { LineMembers, roundedText } from './line-members.ts'
import { redactQuery } from './redact.ts'
import { failedAttempts, type LoggedRequest, sessionFields } from './request-line.ts'

/**
 * Serializes the members of `requestLine` like `JSON.stringify`, but without building the record, in a third of the
 * time.
 */
export function createRequestLineWriter(): (
  line: Pick<ComposedLines, 'append'>,
  context: RequestContext,
  request: LoggedRequest,
  durationMs: number,
) => void {
  const clientIp = new LineMembers<string>('client_ip')
  const caller = new LineMembers<string>('caller')
  const keyId = new LineMembers<string>('key_id')
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

  return function writeRequestLine(line, context, request, durationMs) {
    const { answer, session } = context
    const failed = failedAttempts(context.attempts)
    line.append('"request_id":')
    line.append(JSON.stringify(context.id))
    if (context.traceId !== undefined) line.append(`,"trace_id":${JSON.stringify(context.traceId)}`)
    line.append(clientIp.of(context.clientAddress))
    line.append(caller.of(context.caller))
    if (context.identity !== undefined) line.append(keyId.of(context.identity.keyId))
    line.append(method.of(request.method))
    line.append(path.of(redactQuery(request.url)))
    line.append(status.of(context.status))
    line.append(outcome.of(context.outcome))
    line.append(model.of(context.model))
    line.append(endpoint.of(context.endpoint))
    if (context.attemptCount > 0) line.append(attempts.of(context.attemptCount))
    if (failed !== undefined) line.append(`,"failed_attempts":${JSON.stringify(failed)}`)
    appendRounded(line, ',"first_byte_ms":', context.firstByteMs)
    appendRounded(line, ',"first_token_ms":', answer?.firstTokenMs)
    appendRounded(line, ',"queue_ms":', context.queuedMs)
    appendRounded(line, ',"overhead_ms":', context.overheadMs)
    appendRounded(line, ',"upstream_ms":', upstreamTimeMs(context))
    appendRounded(line, ',"duration_ms":', durationMs)
    appendNumber(line, ',"request_bytes":', context.requestBytes)
    appendNumber(line, ',"response_bytes":', context.responseBytes)
    appendNumber(line, ',"input_tokens":', context.promptTokens)
    appendNumber(line, ',"output_tokens":', context.completionTokens)
    if (answer !== undefined) {
      if (answer.isCounted) line.append(',"output_tokens_counted":true')
      appendNumber(line, ',"cached_tokens":', answer.cachedTokens)
      appendRounded(line, ',"tokens_per_sec":', answer.tokensPerSecond)
      appendRounded(line, ',"inter_token_ms":', answer.interTokenMs)
      appendRounded(line, ',"inter_token_max_ms":', answer.interTokenMaxMs)
      appendRounded(line, ',"load_ms":', answer.loadMs)
      appendRounded(line, ',"prompt_ms":', answer.promptMs)
    }
    if (session !== undefined) line.append(`,${JSON.stringify(sessionFields(session)).slice(1, -1)}`)
    line.append(strategy.of(context.routingStrategy))
    line.append(decision.of(context.routingDecision))
    line.append(reason.of(context.routingReason))
    if (context.translation !== undefined)
      line.append(`,"translation":"${translationText(context.translation)}"`)
    if (context.isStreamedUpstream) line.append(',"streamed_upstream":true')
    line.append(error.of(context.error))
    line.append(userAgent.of(request.userAgent))
  }
}

function appendNumber(line: Pick<ComposedLines, 'append'>, start: string, value: number | undefined): void {
  if (value === undefined) return
  line.append(start)
  line.append(Number.isFinite(value) ? String(value) : 'null')
}

function appendRounded(line: Pick<ComposedLines, 'append'>, start: string, value: number | undefined): void {
  if (value === undefined) return
  line.append(start)
  line.append(roundedText(value))
}
