import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import type { AnswerFormat, Settings, Thinking } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { booleanOf, integerOf, numberOf, objectOf, refuse, textOf } from '../../chat/request/field-values.ts'
import { given, listOf } from './request-values.ts'
import { unknownConversation, unknownPrevious } from './unknown-state.ts'

/** Fields that servers accept beside OpenAI's. */
const sampling: readonly (readonly [
  field: string,
  setting: 'topK' | 'minP' | 'seed' | 'presencePenalty' | 'frequencyPenalty' | 'repeatPenalty',
  feature: Feature,
])[] = [
  ['top_k', 'topK', 'top_k'],
  ['min_p', 'minP', 'min_p'],
  ['seed', 'seed', 'seed'],
  ['presence_penalty', 'presencePenalty', 'presence_penalty'],
  ['frequency_penalty', 'frequencyPenalty', 'frequency_penalty'],
  ['repetition_penalty', 'repeatPenalty', 'repeat_penalty'],
]

/** @param update settings from an item of the input, which replace those of the request */
export function readSettings(
  request: JsonObject,
  update: JsonObject | undefined,
  uses: Set<Feature>,
): Settings {
  const settings: { -readonly [K in keyof Settings]: Settings[K] } = {
    maxTokens: used(countOf(request, 'max_output_tokens', 1), 'max_tokens', uses),
    temperature: used(numberOf(request, 'temperature'), 'temperature', uses),
    topP: used(numberOf(request, 'top_p'), 'top_p', uses),
    logprobs: used(readLogprobs(request), 'logprobs', uses),
    stop: readStop(request, uses),
    format: readFormat(request, update, uses),
    thinking: readThinking(request, update, uses),
    verbosity: readVerbosity(request, uses),
    parallelCalls: booleanOf(request, 'parallel_tool_calls'),
    user: used(textOf(request, 'user') ?? textOf(request, 'safety_identifier'), 'user', uses),
    metadata: readMetadata(request, uses),
    serviceTier: readTier(request, uses),
    truncates: readTruncation(request, uses),
  }
  if (settings.parallelCalls === false) uses.add('parallel_tool_calls')
  countOf(request, 'max_tool_calls', 1)
  for (const [field, setting, feature] of sampling) {
    const value = numberOf(request, field)
    if (value !== undefined) settings[setting] = used(value, feature, uses)
  }
  return settings
}

function used<T>(value: T, feature: Feature, uses: Set<Feature>): T {
  if (value !== undefined) uses.add(feature)
  return value
}

function countOf(request: JsonObject, key: string, min: number): number | undefined {
  const count = integerOf(request, key)
  return count === undefined || count >= min ? count : refuse(key, `must be at least ${min}`)
}

function readLogprobs(request: JsonObject): number | undefined {
  const count = countOf(request, 'top_logprobs', 0)
  const isIncluded = listOf(request, 'include').includes('message.output_text.logprobs')
  return isIncluded || (count ?? 0) > 0 ? (count ?? 0) : undefined
}

function readStop(request: JsonObject, uses: Set<Feature>): readonly string[] | undefined {
  const stop = given(request, 'stop')
  const list = typeof stop === 'string' ? [stop] : listOf(request, 'stop')
  const texts = list.map((each) => (typeof each === 'string' ? each : refuse('stop', 'must be strings')))
  return texts.length === 0 ? undefined : used(texts, 'stop', uses)
}

function readFormat(
  request: JsonObject,
  update: JsonObject | undefined,
  uses: Set<Feature>,
): AnswerFormat | undefined {
  const text = objectOf(request, 'text') ?? {}
  const changed = objectField(objectField(update ?? {}, 'text') ?? {}, 'format')
  const format = changed ?? objectOf(text, 'format', 'text.')
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json_object':
      return used({ kind: 'json' }, 'json_mode', uses)
    case 'json_schema':
      return used(schemaFormat(format), 'json_schema', uses)
    case 'grammar':
      return refuse('text.format', 'grammars are not supported')
    default:
      return refuse('text.format.type', 'must be text, json_object or json_schema')
  }
}

function schemaFormat(format: JsonObject): AnswerFormat {
  // Some clients nest the schema as in the chat API.
  const inner = objectField(format, 'json_schema') ?? format
  const schema = objectOf(inner, 'schema', 'text.format.')
  if (schema === undefined) return refuse('text.format.schema', 'is required')
  return {
    kind: 'schema',
    name: textOf(inner, 'name', 'text.format.') ?? 'answer',
    schema,
    description: textOf(inner, 'description', 'text.format.'),
    isStrict: typeof inner.strict === 'boolean' ? inner.strict : undefined,
  }
}

function readThinking(
  request: JsonObject,
  update: JsonObject | undefined,
  uses: Set<Feature>,
): Thinking | undefined {
  const reasoning = objectOf(request, 'reasoning') ?? {}
  const changed = textField(objectField(update ?? {}, 'reasoning') ?? {}, 'effort')
  const effort = changed ?? textOf(reasoning, 'effort', 'reasoning.')
  const isShown = summaryOf(request) !== undefined
  if (isShown) uses.add('thinking_summary')
  if (effort === 'none') return { isOn: used(false, 'thinking', uses) }
  if (effort !== undefined) uses.add('effort')
  return effort === undefined && !isShown ? undefined : { effort, isShown: isShown || undefined }
}

/** How the client wants to see a summary of the thinking: `auto`, `concise` or `detailed`. */
export function summaryOf(request: JsonObject): string | undefined {
  const reasoning = objectField(request, 'reasoning') ?? {}
  const summary = textField(reasoning, 'summary') ?? textField(reasoning, 'generate_summary')
  return summary === 'none' ? undefined : summary
}

function readVerbosity(request: JsonObject, uses: Set<Feature>): string | undefined {
  const verbosity = textOf(objectOf(request, 'text') ?? {}, 'verbosity', 'text.')
  return verbosity === undefined || verbosity === 'medium' ? undefined : used(verbosity, 'verbosity', uses)
}

function readMetadata(request: JsonObject, uses: Set<Feature>): JsonObject | undefined {
  const metadata = objectOf(request, 'metadata')
  if (metadata === undefined || Object.keys(metadata).length === 0) return undefined
  return used(metadata, 'metadata', uses)
}

function readTier(request: JsonObject, uses: Set<Feature>): string | undefined {
  const tier = textOf(request, 'service_tier')
  return tier === undefined || tier === 'auto' || tier === 'default'
    ? undefined
    : used(tier, 'service_tier', uses)
}

/** Parts of answers and of input items that the gateway has. */
const includedValues: ReadonlySet<unknown> = new Set([
  'message.output_text.logprobs',
  'message.input_image.image_url',
  'reasoning.encrypted_content',
])
/** Parts of the calls of tools that servers run, which no translated answer has. */
const hostedValue = /^[a-z_]+_call(?:_output)?\.[a-z_.]+$/

function readInclude(request: JsonObject, uses: Set<Feature>): void {
  listOf(request, 'include').forEach((value, index) => {
    if (includedValues.has(value)) return
    if (typeof value !== 'string' || !hostedValue.test(value))
      refuse(
        `include.${index}`,
        `${JSON.stringify(value)?.slice(0, 60)} is not a value that OpenAI documents`,
      )
    uses.add('include')
  })
}

/** Ollama shortens prompts unless a request forbids it. */
function readTruncation(request: JsonObject, uses: Set<Feature>): boolean | undefined {
  const truncation = textOf(request, 'truncation')
  if (truncation === undefined) return undefined
  if (truncation !== 'auto' && truncation !== 'disabled') refuse('truncation', 'must be auto or disabled')
  return truncation === 'disabled' ? false : used(true, 'truncation', uses)
}

/** Features of the fields that have no place among the settings. */
export function readServerFields(request: JsonObject, uses: Set<Feature>): void {
  const previous = textOf(request, 'previous_response_id')
  if (previous !== undefined) throw unknownPrevious(previous)
  const conversation = given(request, 'conversation')
  if (conversation !== undefined) {
    throw unknownConversation(String(isObject(conversation) ? conversation.id : conversation))
  }
  if (request.background === true) uses.add('background')
  if (listField(request, 'context_management').length > 0) uses.add('truncation')
  if (isObject(request.moderation)) uses.add('moderation')
  if (given(request, 'prompt_cache_key') !== undefined) uses.add('cache_control')
  readInclude(request, uses)
  if (given(request, 'prompt') !== undefined) {
    refuse('prompt', 'prompt templates are stored by OpenAI; send their text in instructions and input')
  }
}
