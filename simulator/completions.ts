import { completionLogprobs } from './logprobs.ts'
import { created, event, eventStream } from './openai-events.ts'
import type { Frame } from './pace.ts'
import { engineFailure, joined, type Plan, planAnswer } from './plan.ts'
import { Rejection } from './rejections.ts'
import { isObject, type JsonObject } from './request.ts'
import { around, type Exchange, token } from './route.ts'

const maxChoices = 128

interface TextRequest {
  readonly head: JsonObject
  /** Text before the answer of each choice: its prompt, if the request has `echo`. */
  readonly beginnings: readonly string[]
  /** Number of alternatives of each token; undefined reports no logprobs. */
  readonly logprobs: number | undefined
  readonly includesUsage: boolean
}

/** OpenAI's legacy completions. Every prompt, and each of its `n` choices, gets the same answer. */
export function completions(exchange: Exchange): void {
  const body = exchange.request.json()
  const plan = planAnswer(exchange, {
    body,
    prompt: body.prompt,
    limits: [body.max_completion_tokens, body.max_tokens],
  })
  const request = readRequest(exchange, body, plan.model)
  if (body.stream === true) {
    exchange.answer.stream(chunks(plan, request), eventStream)
    return
  }
  const text = joined(plan, 'text')
  const tokens = [...plan.pieces()].flatMap((piece) => (piece.kind === 'text' ? [piece.text] : []))
  exchange.answer.generated(plan.completionTokens, () => ({
    ...request.head,
    object: 'text_completion',
    choices: request.beginnings.map((beginning, index) => ({
      index,
      text: `${beginning}${text}`,
      logprobs: logprobsOf(beginning === '' ? tokens : [beginning, ...tokens], request),
      ...ending(plan),
    })),
    usage: usageOf(plan, request),
  }))
}

function readRequest({ request }: Exchange, body: JsonObject, model: string): TextRequest {
  const { prompt, n, logprobs, stream_options: options } = body
  const isList = Array.isArray(prompt) && prompt.some((each) => typeof each !== 'number')
  const prompts: readonly unknown[] = isList && Array.isArray(prompt) ? prompt : [prompt]
  const copies = typeof n === 'number' && Number.isInteger(n) ? n : 1
  const count = prompts.length * copies
  if (copies < 1 || count > maxChoices) {
    throw new Rejection('bad_request', `more than ${maxChoices} choices`)
  }
  const echoed = (each: unknown) => (body.echo === true && typeof each === 'string' ? each : '')
  return {
    head: { id: `cmpl-${request.bodySha256.slice(0, 24)}`, created, model },
    beginnings: prompts.flatMap((each) => Array.from({ length: copies }, () => echoed(each))),
    logprobs: typeof logprobs === 'number' ? logprobs : undefined,
    includesUsage: isObject(options) && options.include_usage === true,
  }
}

function* chunks(plan: Plan, request: TextRequest): Generator<Frame> {
  const { head, beginnings, includesUsage } = request
  const chunk = (index: number, text: string, end: JsonObject = { finish_reason: null }) =>
    event({
      ...head,
      object: 'text_completion',
      choices: [{ index, text, logprobs: text === '' ? null : logprobsOf([text], request), ...end }],
    })
  for (const [index, beginning] of beginnings.entries()) {
    if (beginning !== '') yield around(chunk(index, beginning))
  }
  let sent = 0
  for (const piece of plan.pieces()) {
    if (sent++ === plan.errorAfter) {
      yield around(event({ error: { message: engineFailure, type: 'server_error', code: 500 } }))
      return
    }
    if (piece.kind !== 'text') continue
    const isLast = sent === plan.completionTokens
    for (const index of beginnings.keys()) {
      yield token(chunk(index, piece.text, isLast ? ending(plan) : undefined))
    }
  }
  const counted = usageOf(plan, request)
  if (includesUsage) yield around(event({ ...head, object: 'text_completion', choices: [], usage: counted }))
  yield around('data: [DONE]\n\n')
}

function logprobsOf(tokens: readonly string[], { logprobs }: TextRequest): JsonObject | null {
  return logprobs === undefined ? null : completionLogprobs(tokens, logprobs)
}

function ending({ finish, stopSequence }: Plan): JsonObject {
  return {
    finish_reason: { stop: 'stop', calls: 'stop', length: 'length', filter: 'content_filter' }[finish],
    ...(stopSequence === undefined ? {} : { stop_reason: stopSequence }),
  }
}

function usageOf({ promptTokens, completionTokens }: Plan, { beginnings }: TextRequest): JsonObject {
  const generated = completionTokens * beginnings.length
  return {
    prompt_tokens: promptTokens,
    completion_tokens: generated,
    total_tokens: promptTokens + generated,
  }
}
