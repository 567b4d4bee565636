import { createHash } from 'node:crypto'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { AnswerFormat, Conversation, Settings, Thinking } from '../../../hub/contract/conversation.ts'
import type { FormatTarget, WrittenRequest } from '../../../hub/format.ts'
import { estimatePromptTokens } from '../../../hub/parts/prompt-size.ts'
import { messagesTools } from './write-tools.ts'
import { messagesTurns } from './write-turns.ts'

/**
 * `max_tokens` of a client that sets none: the API requires it, and OpenAI's clients mean "until the answer ends". If the
 * model's context is known, it is what the prompt leaves of it, within these bounds: servers refuse a request whose
 * prompt and `max_tokens` do not fit together.
 */
const minDefaultTokens = 256
const maxDefaultTokens = 32_000
/** The same if the context is unknown: enough for most answers, and with room for a prompt in a context of 16k. */
const unknownDefaultTokens = 8_192
/** Anthropic's API accepts no smaller budget, and requires it below `max_tokens`. */
const minBudgetTokens = 1_024
/** Longest `user_id`. */
const maxUserLength = 256

const jsonInstruction = 'Answer with one JSON object and nothing else.'

/** Writes a request for an endpoint that speaks Anthropic's Messages API. */
export function writeMessagesRequest(conversation: Conversation, target: FormatTarget): WrittenRequest {
  const { settings, isStream, toolChoice } = conversation
  const { system, messages } = messagesTurns(conversation, target)
  const { fields, toolNames, originalNames } = messagesTools(conversation, target)
  const isForced = toolNames.length > 0 && (toolChoice?.mode === 'required' || toolChoice?.mode === 'tool')
  const maxTokens = settings.maxTokens ?? defaultMaxTokens(conversation, target)
  const thinking = thinkingField(settings, maxTokens, isForced)
  const instructions = withInstruction(system, settings.format)
  const body: Record<string, unknown> = { model: target.model, max_tokens: maxTokens }
  if (instructions !== '') body.system = instructions
  body.messages = messages
  Object.assign(body, fields)
  if (isStream) body.stream = true
  if (settings.temperature !== undefined) body.temperature = Math.min(settings.temperature, 1)
  if (settings.topP !== undefined) body.top_p = settings.topP
  if (settings.topK !== undefined) body.top_k = settings.topK
  const stop = settings.stop?.filter((each) => each !== '')
  if (stop !== undefined && stop.length > 0) body.stop_sequences = stop
  if (thinking !== undefined) body.thinking = thinking
  const config = outputConfig(settings)
  if (config !== undefined) body.output_config = config
  if (settings.user !== undefined) body.metadata = { user_id: userId(settings.user) }
  const tier = serviceTier(settings.serviceTier)
  if (tier !== undefined) body.service_tier = tier
  return { body, toolNames, originalNames }
}

function defaultMaxTokens(conversation: Conversation, { contextTokens, lengthOf }: FormatTarget): number {
  const { thinking } = conversation.settings
  const budget = thinking?.isOn === false ? 0 : (thinking?.budgetTokens ?? 0)
  if (contextTokens === undefined) return unknownDefaultTokens + budget
  const room = contextTokens - estimatePromptTokens(conversation, lengthOf)
  return Math.max(minDefaultTokens, Math.min(maxDefaultTokens + budget, room))
}

/** The API has no field for JSON without a schema, and OpenAI requires that the prompt asks for it anyway. */
function withInstruction(system: string, format: AnswerFormat | undefined): string {
  if (format?.kind !== 'json') return system
  return system === '' ? jsonInstruction : `${system}\n\n${jsonInstruction}`
}

/**
 * A client that sets only an effort wants the model to think, which Anthropic's API does only on request; it does not
 * think if the model must call a tool.
 */
function thinkingField(settings: Settings, maxTokens: number, isForced: boolean): JsonObject | undefined {
  const { thinking } = settings
  if (thinking === undefined) return undefined
  if (thinking.isOn === false) return { type: 'disabled' }
  const budget = budgetOf(settings, maxTokens)
  if (thinking.isOn === undefined && budget === undefined && (thinking.effort === undefined || isForced))
    return undefined
  const display =
    thinking.isShown === undefined ? {} : { display: thinking.isShown ? 'summarized' : 'omitted' }
  return budget === undefined
    ? { type: 'adaptive', ...display }
    : { type: 'enabled', budget_tokens: budget, ...display }
}

/** The budget that fits below `max_tokens`; undefined if the client sets none, or `max_tokens` leaves no room. */
function budgetOf({ thinking }: Settings, limit: number): number | undefined {
  if (thinking?.budgetTokens === undefined) return undefined
  const budget = Math.max(minBudgetTokens, thinking.budgetTokens)
  if (budget < limit) return budget
  return limit > minBudgetTokens ? limit - 1 : undefined
}

const efforts: ReadonlySet<string> = new Set(['low', 'medium', 'high', 'xhigh', 'max'])

function outputConfig({ thinking, format }: Settings): JsonObject | undefined {
  const effort = thinking?.isOn === false ? undefined : effortOf(thinking)
  const hasSchema = format?.kind === 'schema'
  if (effort === undefined && !hasSchema) return undefined
  return {
    ...(effort === undefined ? {} : { effort }),
    ...(hasSchema ? { format: { type: 'json_schema', schema: format.schema } } : {}),
  }
}

function effortOf(thinking: Thinking | undefined): string | undefined {
  const effort = thinking?.effort === 'minimal' ? 'low' : thinking?.effort
  return effort !== undefined && efforts.has(effort) ? effort : undefined
}

/** Replaces a user ID that is too long with its hash, which still distinguishes users. */
function userId(user: string): string {
  return user.length > maxUserLength ? createHash('sha256').update(user).digest('hex') : user
}

/** OpenAI's `default` means the same as `standard_only`; the API has no other tiers. */
function serviceTier(tier: string | undefined): string | undefined {
  if (tier === 'auto' || tier === 'standard_only') return tier
  return tier === 'default' ? 'standard_only' : undefined
}
