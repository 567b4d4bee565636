import { createHash } from 'node:crypto'
import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { AnswerFormat, Conversation, Settings, Thinking } from '../../../hub/contract/conversation.ts'
import type { FormatTarget, WrittenRequest } from '../../../hub/format.ts'
import { strictName } from '../../../hub/parts/strict-names.ts'
import { responsesInput } from './write-input.ts'
import { responsesTools } from './write-tools.ts'

/** Longest `user`, and longest name of a schema. */
const maxNameLength = 64
/** Budgets up to which an effort is low or medium. */
const maxLowTokens = 2_048
const maxMediumTokens = 8_192

/** Writes a request for an endpoint that speaks OpenAI's Responses API. The endpoint stores nothing. */
export function writeResponsesRequest(conversation: Conversation, target: FormatTarget): WrittenRequest {
  const { settings, isStream } = conversation
  const { instructions, input } = responsesInput(conversation, target)
  const { fields, toolNames, originalNames } = responsesTools(conversation, target)
  const reasoning = reasoningField(settings.thinking, target)
  const include = includeField(settings, reasoning)
  const body = {
    model: target.model,
    ...(instructions === '' ? {} : { instructions }),
    input,
    ...fields,
    ...(isStream ? { stream: true } : {}),
    store: false,
    ...optional('max_output_tokens', settings.maxTokens),
    ...optional('temperature', settings.temperature),
    ...optional('top_p', settings.topP),
    ...optional('top_logprobs', settings.logprobs),
    ...textField(settings),
    ...optional('reasoning', reasoning),
    ...(include.length === 0 ? {} : { include }),
    ...optional('metadata', textsOf(settings.metadata)),
    ...(settings.user === undefined ? {} : { user: userOf(settings.user) }),
    ...serviceTier(settings.serviceTier),
  }
  return { body, toolNames, originalNames }
}

function optional(key: string, value: unknown): JsonObject {
  return value === undefined ? {} : { [key]: value }
}

function textField({ format, verbosity }: Settings): JsonObject {
  const text = {
    ...(format === undefined ? {} : { format: formatField(format) }),
    ...optional('verbosity', verbosity),
  }
  return Object.keys(text).length === 0 ? {} : { text }
}

function formatField(format: AnswerFormat): JsonObject {
  if (format.kind === 'json') return { type: 'json_object' }
  return {
    type: 'json_schema',
    name: format.name === '' ? 'output' : strictName(format.name, maxNameLength),
    schema: format.schema,
    ...optional('description', format.description),
    ...optional('strict', format.isStrict),
  }
}

/** A summary is all that OpenAI shows of its thinking; servers that show all of it ignore the field. */
function reasoningField(thinking: Thinking | undefined, { traits }: FormatTarget): JsonObject | undefined {
  if (thinking === undefined) return undefined
  if (thinking.isOn === false) return { effort: 'none' }
  // Such an endpoint refuses an effort for other models.
  const acceptsEffort = traits.effort !== 'thinking_models' || traits.isThinker === true
  const effort = acceptsEffort ? effortOf(thinking) : undefined
  const isShown = thinking.isShown ?? thinking.isOn === true
  const field = { ...optional('effort', effort), ...(isShown ? { summary: 'auto' } : {}) }
  return Object.keys(field).length === 0 ? undefined : field
}

function effortOf({ effort, budgetTokens }: Thinking): string | undefined {
  if (effort !== undefined) return effort
  if (budgetTokens === undefined) return undefined
  if (budgetTokens <= maxLowTokens) return 'low'
  return budgetTokens <= maxMediumTokens ? 'medium' : 'high'
}

/** Reasoning that nothing stores can only return in its encrypted form. */
function includeField({ logprobs }: Settings, reasoning: JsonObject | undefined): string[] {
  const include: string[] = []
  if (reasoning !== undefined && reasoning.effort !== 'none') include.push('reasoning.encrypted_content')
  if (logprobs !== undefined) include.push('message.output_text.logprobs')
  return include
}

/** The API's metadata is texts only. */
function textsOf(metadata: JsonObject | undefined): JsonObject | undefined {
  if (metadata === undefined) return undefined
  const texts = Object.entries(metadata).filter(([, value]) => typeof value === 'string')
  return texts.length === 0 ? undefined : Object.fromEntries(texts)
}

/** Replaces a user ID that is too long with its hash, which still distinguishes users. */
function userOf(user: string): string {
  return user.length > maxNameLength ? createHash('sha256').update(user).digest('hex') : user
}

const tiers: ReadonlySet<string> = new Set(['auto', 'default', 'flex', 'scale', 'priority', 'fast'])

/** Anthropic's `standard_only` means the same as `default`. */
function serviceTier(tier: string | undefined): JsonObject {
  if (tier === 'standard_only') return { service_tier: 'default' }
  return tier !== undefined && tiers.has(tier) ? { service_tier: tier } : {}
}
