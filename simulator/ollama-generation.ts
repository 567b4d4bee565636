import { tokenLogprob, wantedLogprobs } from './logprobs.ts'
import { afterLoad, setLoaded } from './model-memory.ts'
import type { Frame } from './pace.ts'
import { argumentsOf, engineFailure, type Plan, planAnswer } from './plan.ts'
import { Rejection } from './rejections.ts'
import { isObject, type JsonObject } from './request.ts'
import { around, askedModel, type Exchange, token } from './route.ts'

/** What one line, or a whole answer, adds. */
interface Said {
  readonly content: string
  readonly thinking: string
  readonly calls: readonly JsonObject[]
}

/** How an operation writes what is said. */
type Shape = (said: Said) => JsonObject

interface OllamaFrame {
  readonly plan: Plan
  readonly body: JsonObject
  readonly logprobs: number | undefined
  readonly shape: Shape
  readonly startedMs: number
}

const nothing: Said = { content: '', thinking: '', calls: [] }

/** `/api/chat`. */
export function chat(exchange: Exchange): void {
  const body = exchange.request.json()
  const { messages } = body
  const prompt = Array.isArray(messages) && messages.length > 0 ? messages : undefined
  answerPrompt(exchange, body, prompt, ({ content, thinking, calls }) => ({
    message: {
      role: 'assistant',
      content,
      ...(thinking === '' ? {} : { thinking }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  }))
}

/** `/api/generate`. */
export function generate(exchange: Exchange): void {
  const body = exchange.request.json()
  const hasPrompt = typeof body.prompt === 'string' && body.prompt !== ''
  const prompt = hasPrompt ? [body.system, body.prompt, body.suffix] : undefined
  answerPrompt(exchange, body, prompt, ({ content, thinking }) => ({
    response: content,
    ...(thinking === '' ? {} : { thinking }),
  }))
}

/** @param prompt undefined only loads or unloads the model */
function answerPrompt(
  exchange: Exchange,
  body: JsonObject,
  prompt: readonly unknown[] | undefined,
  shape: Shape,
): void {
  const { answer } = exchange
  checkAbilities(exchange, body)
  if (prompt === undefined) {
    const isUnload = body.keep_alive === 0 || body.keep_alive === '0'
    const { name } = askedModel(exchange.state, body)
    const reply = () => {
      setLoaded(exchange.state, name, !isUnload)
      const reason = isUnload ? 'unload' : 'load'
      answer.json({ ...headOf(body), ...shape(nothing), done: true, done_reason: reason })
    }
    if (isUnload) reply()
    else afterLoad(exchange, reply)
    return
  }
  const options = isObject(body.options) ? body.options : {}
  const frame: OllamaFrame = {
    plan: planAnswer(exchange, { body, prompt, limits: [options.num_predict], thinks: body.think !== false }),
    body,
    logprobs: wantedLogprobs(body.logprobs, body.top_logprobs),
    shape,
    startedMs: performance.now(),
  }
  if (body.stream !== false) {
    answer.stream(lines(frame), 'application/x-ndjson')
    return
  }
  answer.generated(frame.plan.completionTokens, () => ({
    ...headOf(body),
    ...shape(wholeSaid(frame.plan)),
    ...endOf(frame, frame.startedMs),
    ...wholeLogprobs(frame),
  }))
}

/** @throws Rejection if the request uses what the model cannot do */
function checkAbilities({ state }: Exchange, { model, name, think, tools }: JsonObject): void {
  const { capabilities, name: known } = askedModel(state, { model, name })
  const wantsThoughts = think !== undefined && think !== null && think !== false
  if (wantsThoughts && !capabilities.includes('thinking')) {
    throw new Rejection('bad_request', `"${known}" does not support thinking`)
  }
  if (Array.isArray(tools) && tools.length > 0 && !capabilities.includes('tools')) {
    throw new Rejection('bad_request', `"${known}" does not support tools`)
  }
}

function headOf({ model, name }: JsonObject): JsonObject {
  return { model: model ?? name, created_at: new Date().toISOString() }
}

function wholeSaid(plan: Plan): Said {
  let content = ''
  let thinking = ''
  for (const piece of plan.pieces()) {
    if (piece.kind === 'text') content += piece.text
    else if (piece.kind === 'reasoning') thinking += piece.text
  }
  return { content, thinking, calls: plan.calls.map((_, index) => wholeCall(plan, index)) }
}

/** Calls arrive whole, with their arguments as an object. */
function wholeCall({ calls }: Plan, index: number): JsonObject {
  const call = calls[index]
  return {
    id: call?.id ?? `call_${index}`,
    function: { index, name: call?.name, arguments: argumentsOf(call?.arguments ?? '') },
  }
}

function* lines(frame: OllamaFrame): Generator<Frame> {
  const { plan, body, shape } = frame
  const firstTokenMs = performance.now()
  const line = (said: Said, beside: JsonObject = { done: false }) =>
    `${JSON.stringify({ ...headOf(body), ...shape(said), ...beside })}\n`
  let sent = 0
  for (const piece of plan.pieces()) {
    if (sent++ === plan.errorAfter) {
      yield around(`${JSON.stringify({ error: engineFailure })}\n`)
      return
    }
    if (piece.kind === 'reasoning') yield token(line({ ...nothing, thinking: piece.text }))
    else if (piece.kind === 'text') {
      const logprobs =
        frame.logprobs === undefined ? {} : { logprobs: [tokenLogprob(piece.text, frame.logprobs)] }
      yield token(line({ ...nothing, content: piece.text }, { done: false, ...logprobs }))
    } else if (piece.isFirst) yield token(line({ ...nothing, calls: [wholeCall(plan, piece.index)] }))
  }
  yield around(line(nothing, endOf(frame, firstTokenMs)))
}

function endOf({ plan, startedMs }: OllamaFrame, firstTokenMs: number): JsonObject {
  return {
    done: true,
    done_reason: plan.finish === 'length' ? 'length' : 'stop',
    total_duration: nanosecondsSince(startedMs),
    load_duration: 1_000_000,
    prompt_eval_count: plan.promptTokens,
    prompt_eval_duration: Math.max(1, Math.round((firstTokenMs - startedMs) * 1e6)),
    eval_count: plan.completionTokens,
    eval_duration: nanosecondsSince(firstTokenMs),
  }
}

function wholeLogprobs({ plan, logprobs }: OllamaFrame): JsonObject {
  if (logprobs === undefined) return {}
  const tokens: JsonObject[] = []
  for (const piece of plan.pieces()) {
    if (piece.kind === 'text') tokens.push(tokenLogprob(piece.text, logprobs))
  }
  return { logprobs: tokens }
}

/** At least 1: clients read a zero duration as missing. */
export function nanosecondsSince(startMs: number): number {
  return Math.max(1, Math.round((performance.now() - startMs) * 1e6))
}
