import { tokenLogprob } from './logprobs.ts'
import type { SimulatorKind } from './model.ts'
import { created } from './openai-events.ts'
import type { Plan } from './plan.ts'
import { isObject, type JsonObject } from './request.ts'
import type { ScriptPiece } from './script.ts'

/** What the parts of one response share. */
export interface ResponseFrame {
  readonly plan: Plan
  readonly body: JsonObject
  /** Of the request; IDs are derived from it. */
  readonly key: string
  /** Where the kind puts thoughts. */
  readonly thoughts: 'summary' | 'content'
  readonly logprobs: number | undefined
}

/** An item of `output` with its pieces. */
export interface OutputItem {
  readonly kind: ScriptPiece['kind']
  readonly id: string
  readonly call: { readonly id: string; readonly name: string } | undefined
  readonly pieces: string[]
}

/** Ollama, LM Studio and LiteLLM report a summary; the others the thoughts themselves. */
export function thoughtsOf(kind: SimulatorKind): ResponseFrame['thoughts'] {
  return kind === 'ollama' || kind === 'lm-studio' || kind === 'litellm' ? 'summary' : 'content'
}

const idPrefixes = { text: 'msg', reasoning: 'rs', call: 'fc' } as const

/** The items of a response, piece by piece: an item is complete when the next one begins. */
export function* outputItems({ plan, key }: ResponseFrame): Generator<{ item: OutputItem; text: string }> {
  let item: OutputItem | undefined
  let count = 0
  for (const piece of plan.pieces()) {
    if (item === undefined || item.kind !== piece.kind || (piece.kind === 'call' && piece.isFirst)) {
      item = {
        kind: piece.kind,
        id: `${idPrefixes[piece.kind]}_${key}_${count++}`,
        call: piece.kind === 'call' ? { id: piece.id, name: piece.name } : undefined,
        pieces: [],
      }
    }
    yield { item, text: piece.text }
    item.pieces.push(piece.text)
  }
}

/** An item as it is at its beginning, or at its end. */
export function itemBody(item: OutputItem, frame: ResponseFrame, isDone: boolean): JsonObject {
  const status = isDone ? 'completed' : 'in_progress'
  const text = isDone ? item.pieces.join('') : ''
  switch (item.kind) {
    case 'text':
      return {
        id: item.id,
        type: 'message',
        role: 'assistant',
        status,
        content: isDone ? [textPart(item, frame)] : [],
      }
    case 'reasoning':
      return { id: item.id, type: 'reasoning', status, ...thoughtFields(text, frame, isDone) }
    case 'call':
      return {
        id: item.id,
        type: 'function_call',
        status,
        call_id: item.call?.id,
        name: item.call?.name,
        arguments: text,
      }
  }
}

function thoughtFields(text: string, { plan, body, thoughts }: ResponseFrame, isDone: boolean): JsonObject {
  const wantsSecret = Array.isArray(body.include) && body.include.includes('reasoning.encrypted_content')
  return {
    summary: isDone && thoughts === 'summary' ? [{ type: 'summary_text', text }] : [],
    ...(thoughts === 'content' ? { content: isDone ? [{ type: 'reasoning_text', text }] : [] } : {}),
    ...(wantsSecret && isDone ? { encrypted_content: plan.signature ?? `encrypted:${text}` } : {}),
  }
}

/** The one part of a message. */
export function textPart(item: OutputItem, { logprobs }: ResponseFrame): JsonObject {
  const tokens = logprobs === undefined ? [] : item.pieces.map((piece) => tokenLogprob(piece, logprobs))
  return { type: 'output_text', text: item.pieces.join(''), annotations: [], logprobs: tokens }
}

/** The response itself. @param output undefined while it is in progress */
export function responseBody(frame: ResponseFrame, output: readonly JsonObject[] | undefined): JsonObject {
  const { body, key, plan } = frame
  const reasoning = isObject(body.reasoning) ? body.reasoning : {}
  const isCut = plan.finish === 'length' || plan.finish === 'filter'
  const status = output === undefined ? 'in_progress' : isCut ? 'incomplete' : 'completed'
  const reason = plan.finish === 'length' ? 'max_output_tokens' : 'content_filter'
  return {
    id: `resp_${key}`,
    object: 'response',
    created_at: created,
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    metadata: body.metadata ?? {},
    model: plan.model,
    output: output ?? [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: reasoning.effort ?? null, summary: reasoning.summary ?? null },
    service_tier: 'default',
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: body.text ?? { format: { type: 'text' } },
    tool_choice: body.tool_choice ?? 'auto',
    tools: body.tools ?? [],
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    usage: output === undefined ? null : usageOf(plan),
    user: body.user ?? null,
  }
}

function usageOf({ promptTokens, cachedTokens = 0, completionTokens, reasoningTokens }: Plan): JsonObject {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  }
}
