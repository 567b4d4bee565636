import { tokenLogprob, wantedLogprobs } from './logprobs.ts'
import type { SimulatorKind } from './model.ts'
import { created, event, eventStream } from './openai-events.ts'
import type { Frame } from './pace.ts'
import { engineFailure, type Plan, planAnswer } from './plan.ts'
import { Rejection } from './rejections.ts'
import { isObject, type JsonObject } from './request.ts'
import { around, type Exchange, listOf, token } from './route.ts'
import type { Script, ScriptPiece } from './script.ts'

const maxChoices = 128

interface ChatRequest {
  readonly head: JsonObject
  readonly choices: number
  readonly logprobs: number | undefined
  readonly includesUsage: boolean
  /** Field in which the kind sends reasoning. */
  readonly reasoningField: 'reasoning' | 'reasoning_content'
}

/** OpenAI's chat completions. All choices get the same answer. */
export function chatCompletions(exchange: Exchange): void {
  const body = exchange.request.json()
  const messages = listOf(body.messages, 'messages')
  const plan = planAnswer(exchange, {
    body,
    prompt: messages,
    limits: [body.max_completion_tokens, body.max_tokens],
    interleaves: true,
  })
  const request = readRequest(exchange, body, plan.model)
  if (body.stream === true) {
    exchange.answer.stream(chunks(plan, request), eventStream)
    return
  }
  exchange.answer.generated(plan.completionTokens, () => ({
    ...request.head,
    object: 'chat.completion',
    choices: Array.from({ length: request.choices }, (_, index) => ({
      index,
      message: wholeMessage(plan, request),
      logprobs: wholeLogprobs(plan, request),
      ...ending(plan),
    })),
    usage: usageOf(plan, request),
  }))
}

function readRequest({ state, request }: Exchange, body: JsonObject, model: string): ChatRequest {
  const { n = 1, stream_options: options } = body
  if (n !== null && (typeof n !== 'number' || !Number.isInteger(n) || n < 1 || n > maxChoices)) {
    throw new Rejection('bad_request', `n is not between 1 and ${maxChoices}`)
  }
  return {
    head: { id: `chatcmpl-${request.bodySha256.slice(0, 24)}`, created, model },
    choices: n ?? 1,
    logprobs: wantedLogprobs(body.logprobs, body.top_logprobs),
    includesUsage: isObject(options) && options.include_usage === true,
    reasoningField: reasoningFieldOf(state.kind),
  }
}

function reasoningFieldOf(kind: SimulatorKind): ChatRequest['reasoningField'] {
  return kind === 'ollama' || kind === 'vllm' ? 'reasoning' : 'reasoning_content'
}

function wholeMessage(plan: Plan, { reasoningField }: ChatRequest): JsonObject {
  let content = ''
  let reasoning = ''
  for (const piece of plan.pieces()) {
    if (piece.kind === 'text') content += piece.text
    else if (piece.kind === 'reasoning') reasoning += piece.text
  }
  return {
    role: 'assistant',
    content,
    ...(reasoning === '' ? {} : { [reasoningField]: reasoning }),
    ...(plan.calls.length === 0 ? {} : { tool_calls: plan.calls.map(wholeCall) }),
  }
}

function wholeCall({ id, name, arguments: given }: NonNullable<Script['toolCalls']>[number], index: number) {
  return { id: id ?? `call_${index}`, type: 'function', function: { name, arguments: given } }
}

function wholeLogprobs(plan: Plan, { logprobs }: ChatRequest): JsonObject | null {
  if (logprobs === undefined) return null
  const content: JsonObject[] = []
  for (const piece of plan.pieces()) {
    if (piece.kind === 'text') content.push(tokenLogprob(piece.text, logprobs))
  }
  return { content, refusal: null }
}

function* chunks(plan: Plan, request: ChatRequest): Generator<Frame> {
  const { head, choices } = request
  const object = 'chat.completion.chunk'
  const chunk = (index: number, delta: JsonObject, beside: JsonObject = { finish_reason: null }) =>
    event({ ...head, object, choices: [{ index, delta, ...beside }] })
  for (let index = 0; index < choices; index++) yield around(chunk(index, { role: 'assistant', content: '' }))
  let sent = 0
  for (const piece of plan.pieces()) {
    if (sent++ === plan.errorAfter) {
      yield around(event({ error: { message: engineFailure, type: 'server_error', code: 500 } }))
      return
    }
    for (let index = 0; index < choices; index++) {
      yield token(chunk(index, deltaOf(piece, request), besideOf(piece, request)))
    }
  }
  for (let index = 0; index < choices; index++) yield around(chunk(index, {}, ending(plan)))
  if (request.includesUsage) {
    yield around(event({ ...head, object, choices: [], usage: usageOf(plan, request) }))
  }
  yield around('data: [DONE]\n\n')
}

function deltaOf(piece: ScriptPiece, { reasoningField }: ChatRequest): JsonObject {
  switch (piece.kind) {
    case 'text':
      return { content: piece.text }
    case 'reasoning':
      return { [reasoningField]: piece.text }
    case 'call': {
      const { index, id, name, isFirst, text } = piece
      const head = isFirst ? { id, type: 'function' } : {}
      return { tool_calls: [{ index, ...head, function: { ...(isFirst ? { name } : {}), arguments: text } }] }
    }
  }
}

function besideOf(piece: ScriptPiece, { logprobs }: ChatRequest): JsonObject | undefined {
  if (logprobs === undefined || piece.kind !== 'text') return undefined
  return { logprobs: { content: [tokenLogprob(piece.text, logprobs)], refusal: null }, finish_reason: null }
}

function ending({ finish, stopSequence }: Plan): JsonObject {
  const reasons = { stop: 'stop', length: 'length', filter: 'content_filter', calls: 'tool_calls' }
  return {
    finish_reason: reasons[finish],
    ...(stopSequence === undefined ? {} : { stop_reason: stopSequence }),
  }
}

function usageOf(plan: Plan, { choices }: ChatRequest): JsonObject {
  const { promptTokens, cachedTokens, completionTokens } = plan
  const generated = completionTokens * choices
  return {
    prompt_tokens: promptTokens,
    completion_tokens: generated,
    total_tokens: promptTokens + generated,
    ...(cachedTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  }
}
