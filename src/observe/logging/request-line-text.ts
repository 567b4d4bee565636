import { translationText } from '../../dialects/translate/request-translation.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import { upstreamTimeMs } from '../../proxy/request/own-time.ts'
import type { ComposedLines } from './line-logger.ts'
import { LineMembers, roundedText } from './line-members.ts'
import { redactQuery } from './redact.ts'
import { failedAttempts, type LoggedRequest, sessionFields } from './request-line.ts'

type Line = Pick<ComposedLines, 'append' | 'appendBytes'>

const requestId = Buffer.from('"request_id":')
const counted = Buffer.from(',"output_tokens_counted":true')
const keys = {
  first_byte_ms: keyOf('first_byte_ms'),
  first_token_ms: keyOf('first_token_ms'),
  queue_ms: keyOf('queue_ms'),
  overhead_ms: keyOf('overhead_ms'),
  upstream_ms: keyOf('upstream_ms'),
  duration_ms: keyOf('duration_ms'),
  request_bytes: keyOf('request_bytes'),
  response_bytes: keyOf('response_bytes'),
  input_tokens: keyOf('input_tokens'),
  output_tokens: keyOf('output_tokens'),
  cached_tokens: keyOf('cached_tokens'),
  tokens_per_sec: keyOf('tokens_per_sec'),
  inter_token_ms: keyOf('inter_token_ms'),
  inter_token_max_ms: keyOf('inter_token_max_ms'),
  load_ms: keyOf('load_ms'),
  prompt_ms: keyOf('prompt_ms'),
} as const

function keyOf(name: string): Uint8Array {
  return Buffer.from(`,"${name}":`)
}

/**
 * Serializes the members of `requestLine` like `JSON.stringify`, but without building the record, in a third of the
 * time.
 */
export function createRequestLineWriter(): (
  line: Line,
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
  const configVersion = new LineMembers<number>('config_version')
  const error = new LineMembers<string>('error')
  const userAgent = new LineMembers<string>('user_agent')

  return function writeRequestLine(line, context, request, durationMs) {
    const { answer, session } = context
    const failed = failedAttempts(context.attempts)
    line.appendBytes(requestId)
    line.append(JSON.stringify(context.id))
    if (context.traceId !== undefined) line.append(`,"trace_id":${JSON.stringify(context.traceId)}`)
    line.appendBytes(clientIp.of(context.clientAddress))
    line.appendBytes(caller.of(context.caller))
    if (context.identity !== undefined) line.appendBytes(keyId.of(context.identity.keyId))
    line.appendBytes(method.of(request.method))
    line.appendBytes(path.of(redactQuery(request.url)))
    line.appendBytes(status.of(context.status))
    line.appendBytes(outcome.of(context.outcome))
    line.appendBytes(model.of(context.model))
    line.appendBytes(endpoint.of(context.endpoint))
    if (context.attemptCount > 0) line.appendBytes(attempts.of(context.attemptCount))
    if (failed !== undefined) line.append(`,"failed_attempts":${JSON.stringify(failed)}`)
    if (context.hedge !== undefined) line.append(`,"hedge":"${context.hedge.result}"`)
    appendRounded(line, keys.first_byte_ms, context.firstByteMs)
    appendRounded(line, keys.first_token_ms, answer?.firstTokenMs)
    appendRounded(line, keys.queue_ms, context.queuedMs)
    appendRounded(line, keys.overhead_ms, context.overheadMs)
    appendRounded(line, keys.upstream_ms, upstreamTimeMs(context))
    appendRounded(line, keys.duration_ms, durationMs)
    appendNumber(line, keys.request_bytes, context.requestBytes)
    appendNumber(line, keys.response_bytes, context.responseBytes)
    appendNumber(line, keys.input_tokens, context.promptTokens)
    appendNumber(line, keys.output_tokens, context.completionTokens)
    if (answer !== undefined) {
      if (answer.isCounted) line.appendBytes(counted)
      appendNumber(line, keys.cached_tokens, answer.cachedTokens)
      appendRounded(line, keys.tokens_per_sec, answer.tokensPerSecond)
      appendRounded(line, keys.inter_token_ms, answer.interTokenMs)
      appendRounded(line, keys.inter_token_max_ms, answer.interTokenMaxMs)
      appendRounded(line, keys.load_ms, answer.loadMs)
      appendRounded(line, keys.prompt_ms, answer.promptMs)
    }
    if (session !== undefined) line.append(`,${JSON.stringify(sessionFields(session)).slice(1, -1)}`)
    line.appendBytes(strategy.of(context.routingStrategy))
    line.appendBytes(decision.of(context.routingDecision))
    line.appendBytes(reason.of(context.routingReason))
    if (context.translation !== undefined)
      line.append(`,"translation":"${translationText(context.translation)}"`)
    if (context.isStreamedUpstream) line.append(',"streamed_upstream":true')
    line.appendBytes(configVersion.of(context.configVersion))
    line.appendBytes(error.of(context.error))
    line.appendBytes(userAgent.of(request.userAgent))
  }
}

function appendNumber(line: Line, key: Uint8Array, value: number | undefined): void {
  if (value === undefined) return
  line.appendBytes(key)
  line.append(Number.isFinite(value) ? String(value) : 'null')
}

function appendRounded(line: Line, key: Uint8Array, value: number | undefined): void {
  if (value === undefined) return
  line.appendBytes(key)
  line.append(roundedText(value))
}
