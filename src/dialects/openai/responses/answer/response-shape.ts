import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import type { Usage } from '../../../hub/contract/answer.ts'
import type { FormatCall } from '../../../hub/format.ts'
import { summaryOf } from '../request/read-settings.ts'
import { conversationOf, isStored } from '../store/stored.ts'

export type ResponseStatus = 'queued' | 'in_progress' | 'completed' | 'incomplete' | 'failed'

/** What changes in the response object while it is made. All members are JSON texts. */
export interface ResponseState {
  readonly status: ResponseStatus
  /** Items, separated by commas. */
  readonly output: string
  readonly usage: string
  readonly error: string
  readonly incomplete: string
  /** As the endpoint names it; undefined if it names none. */
  readonly serviceTier?: string | undefined
}

export const startedState: ResponseState = {
  status: 'in_progress',
  output: '',
  usage: 'null',
  error: 'null',
  incomplete: 'null',
}

/** The part of a call that its response object depends on. */
export type ShapedCall = Pick<FormatCall, 'request' | 'newId' | 'nowMs' | 'store'>

/** The response object, which every event of the response's life contains. */
export class ResponseShape {
  readonly id: string
  readonly #call: ShapedCall
  readonly #head: string
  #model = ''
  /** What the response repeats of the request. */
  #echo: string | undefined

  constructor(call: ShapedCall) {
    this.#call = call
    this.id = call.newId('resp')
    this.#head = `{"id":"${this.id}","object":"response","created_at":${seconds(call)}`
  }

  /** @param model as the client expects it */
  start(model: string): void {
    this.#model = JSON.stringify(model)
  }

  json({ status, output, usage, error, incomplete, serviceTier }: ResponseState): string {
    this.#echo ??= JSON.stringify(echoOf(this.#call)).slice(1)
    const model = this.#model || JSON.stringify(textField(this.#call.request, 'model') ?? '')
    const completedAt = status === 'completed' ? String(seconds(this.#call)) : 'null'
    return `${this.#head},"status":"${status}","completed_at":${completedAt},"error":${error},"incomplete_details":${incomplete},"model":${model},"output":[${output}],"usage":${usage},"service_tier":"${tierOf(serviceTier)}",${this.#echo}`
  }
}

const tiers: ReadonlySet<string> = new Set(['default', 'flex', 'priority', 'scale'])

/** Servers with one tier name none. */
function tierOf(reported: string | undefined): string {
  return reported !== undefined && tiers.has(reported) ? reported : 'default'
}

function seconds({ nowMs }: ShapedCall): number {
  return Math.floor(nowMs() / 1_000)
}

/** `usage` on the wire. Clients reject an answer whose details are not numbers (MartialBE/one-hub#910). */
export function usageJson(usage: Usage): string {
  const { promptTokens, cachedTokens, cacheWriteTokens, completionTokens, reasoningTokens } = usage
  return JSON.stringify({
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: cacheWriteTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: promptTokens + completionTokens,
  })
}

/** What the response object repeats of what the request continues. */
export function repeatedState(request: JsonObject): JsonObject {
  const conversation = conversationOf(request)
  return {
    previous_response_id: request.previous_response_id ?? null,
    ...(conversation === undefined ? {} : { conversation: { id: conversation } }),
  }
}

/** What the response object repeats of the request, with OpenAI's defaults. */
function echoOf({ request, store }: ShapedCall): JsonObject {
  const text = objectField(request, 'text') ?? {}
  const reasoning = objectField(request, 'reasoning') ?? {}
  return {
    access_programs: null,
    background: request.background === true,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    max_tool_calls: request.max_tool_calls ?? null,
    metadata: objectField(request, 'metadata') ?? {},
    parallel_tool_calls: request.parallel_tool_calls !== false,
    ...repeatedState(request),
    ...optional(request, 'prompt_cache_key'),
    reasoning: { effort: reasoning.effort ?? null, summary: summaryOf(request) ?? null },
    ...optional(request, 'safety_identifier'),
    store: store !== undefined && isStored(request),
    temperature: request.temperature ?? null,
    text: { format: objectField(text, 'format') ?? { type: 'text' }, verbosity: text.verbosity ?? 'medium' },
    tool_choice: isObject(request.tool_choice) ? request.tool_choice : (request.tool_choice ?? 'auto'),
    tools: listField(request, 'tools'),
    top_logprobs: request.top_logprobs ?? 0,
    top_p: request.top_p ?? null,
    truncation: request.truncation ?? 'disabled',
    ...optional(request, 'user'),
  }
}

function optional(request: JsonObject, key: string): JsonObject {
  const value = textField(request, key)
  return value === undefined ? {} : { [key]: value }
}
