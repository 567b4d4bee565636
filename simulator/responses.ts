import { wantedLogprobs } from './logprobs.ts'
import { eventStream } from './openai-events.ts'
import { planAnswer } from './plan.ts'
import { Rejection } from './rejections.ts'
import { isObject, type JsonObject } from './request.ts'
import { responseEvents } from './response-events.ts'
import {
  itemBody,
  type OutputItem,
  outputItems,
  type ResponseFrame,
  responseBody,
  thoughtsOf,
} from './response-shape.ts'
import { type Exchange, inference, info, type RouteTable } from './route.ts'

export interface ResponsesOptions {
  /** Whether the server keeps responses, so that later requests can refer to them. vLLM does not by default. */
  readonly stores: boolean
}

/** The Responses API, below `/v1`. */
export function responsesRoutes({ stores }: ResponsesOptions): RouteTable {
  const create = { 'POST /responses': inference((exchange) => createResponse(exchange, stores)) }
  if (!stores) return create
  return {
    ...create,
    'GET /responses/*': info(({ state, request, answer }) => {
      const [id, below] = placeOf(request.path)
      const { response, input } = stored(state.responses, id)
      answer.json(below === 'input_items' ? listOfItems(input) : response)
    }),
    'DELETE /responses/*': info(({ state, request, answer }) => {
      const [id] = placeOf(request.path)
      stored(state.responses, id)
      state.responses.delete(id)
      answer.json({ id, object: 'response', deleted: true })
    }),
  }
}

/** A response that the server keeps. */
export interface StoredResponse {
  readonly response: JsonObject
  readonly input: unknown
}

const maxStored = 100

function createResponse(exchange: Exchange, stores: boolean): void {
  const { state, request, answer } = exchange
  const body = request.json()
  const previous = previousOf(exchange, body, stores)
  const { input } = body
  if (typeof input !== 'string' && !Array.isArray(input)) {
    throw new Rejection('bad_request', 'input is neither a text nor a list of items')
  }
  const plan = planAnswer(exchange, {
    body,
    prompt: [previous?.input, previous?.response.output, body.instructions, input, ...outputsOf(input)],
    limits: [body.max_output_tokens],
  })
  const wantsLogprobs = Array.isArray(body.include) && body.include.includes('message.output_text.logprobs')
  const frame: ResponseFrame = {
    plan,
    body,
    key: request.bodySha256.slice(0, 24),
    thoughts: thoughtsOf(state.kind),
    logprobs: wantedLogprobs(wantsLogprobs, body.top_logprobs),
  }
  const keep = (response: JsonObject) => {
    if (!stores || body.store === false) return
    const [oldest] = state.responses.keys()
    if (state.responses.size >= maxStored && oldest !== undefined) state.responses.delete(oldest)
    state.responses.set(String(response.id), { response, input })
  }
  if (body.stream === true) {
    answer.stream(responseEvents(frame, keep), eventStream)
    return
  }
  answer.generated(plan.completionTokens, () => {
    const response = responseBody(frame, wholeOutput(frame))
    keep(response)
    return response
  })
}

function wholeOutput(frame: ResponseFrame): readonly JsonObject[] {
  const items = new Set<OutputItem>()
  for (const { item } of outputItems(frame)) items.add(item)
  return [...items].map((item) => itemBody(item, frame, true))
}

/** Texts that are not in the content of an item. */
function outputsOf(input: unknown): readonly unknown[] {
  return Array.isArray(input) ? input.map((item) => (isObject(item) ? item.output : undefined)) : []
}

function previousOf({ state }: Exchange, body: JsonObject, stores: boolean): StoredResponse | undefined {
  const id = body.previous_response_id ?? undefined
  if (id === undefined) return undefined
  if (typeof id !== 'string') throw new Rejection('bad_request', 'previous_response_id is not a text')
  if (!stores && state.kind === 'llamacpp') {
    throw new Rejection('bad_request', "llama.cpp does not support 'previous_response_id'.")
  }
  return stored(state.responses, id)
}

function stored(responses: ReadonlyMap<string, StoredResponse>, id: string): StoredResponse {
  const found = responses.get(id)
  if (found === undefined) throw new Rejection('unknown_response', id)
  return found
}

/** @returns the ID in a path, and what follows it */
function placeOf(path: string): [id: string, below: string | undefined] {
  const [id = '', below] = path.slice(path.indexOf('/responses/') + '/responses/'.length).split('/')
  return [decodeURIComponent(id), below]
}

function listOfItems(input: unknown): JsonObject {
  const data = Array.isArray(input)
    ? input
    : [{ id: 'msg_input', type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }]
  return { object: 'list', data, first_id: null, last_id: null, has_more: false }
}
