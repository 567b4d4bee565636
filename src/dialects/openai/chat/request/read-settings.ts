import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { Settings } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { integerOf, numberOf, objectOf, refuse, textOf } from './field-values.ts'

/** Names of `max_tokens`; the first that is set counts. */
const maxTokensFields = [
  'max_completion_tokens',
  'max_tokens',
  'max_output_tokens',
  'n_predict',
  'max_new_tokens',
]

/** Ollama's options that have a setting. */
const knownOptions: ReadonlySet<string> = new Set([
  ...['num_predict', 'num_ctx', 'temperature', 'top_p', 'top_k', 'min_p', 'seed', 'stop'],
  ...['presence_penalty', 'frequency_penalty', 'repeat_penalty'],
])
/** Ollama's options that concern the machine and not the answer. */
const machineOptions: ReadonlySet<string> = new Set([
  ...['num_gpu', 'main_gpu', 'num_thread', 'num_batch', 'use_mmap', 'use_mlock', 'low_vram', 'numa'],
  ...['f16_kv', 'num_keep', 'vocab_only', 'embedding_only'],
])

/**
 * Reads the settings that Chat Completions and Completions share. Ollama's `options` count for what the request itself
 * does not set.
 * @param minTokens the least `max_tokens` that the API accepts
 * @throws GatewayError invalid_request
 */
export function readSettings(request: JsonObject, uses: Set<Feature>, minTokens: number): Settings {
  const options = readOptions(request, uses)
  const number = (key: string, option = key) =>
    numberOf(request, key) ?? (options === undefined ? undefined : numberOf(options, option, 'options.'))
  const topK = integerOf(request, 'top_k') ?? number('top_k')
  const seed = integerOf(request, 'seed') ?? number('seed')
  const choices = integerOf(request, 'n')
  if (choices !== undefined && choices < 1) refuse('n', 'must be at least 1')
  const streamOptions = objectOf(request, 'stream_options')
  const streamUsage = streamOptions?.include_usage === true
  if (streamUsage && request.stream === true) uses.add('stream_usage')
  return {
    maxTokens: readMaxTokens(request, options, minTokens),
    temperature: number('temperature'),
    topP: number('top_p'),
    topK: topK === undefined ? undefined : Math.max(0, topK),
    minP: number('min_p'),
    seed: seed !== undefined && seed < 0 ? undefined : seed,
    stop: readStop(request.stop ?? options?.stop),
    presencePenalty: number('presence_penalty'),
    frequencyPenalty: number('frequency_penalty'),
    repeatPenalty: numberOf(request, 'repetition_penalty') ?? number('repeat_penalty'),
    logitBias: objectOf(request, 'logit_bias'),
    choices: choices === 1 ? undefined : choices,
    user: textOf(request, 'user') || textOf(request, 'safety_identifier') || undefined,
    keepAlive: readKeepAlive(request.keep_alive),
    contextTokens: number('num_ctx'),
    streamUsage,
  }
}

function readOptions(request: JsonObject, uses: Set<Feature>): JsonObject | undefined {
  const options = objectOf(request, 'options')
  if (options === undefined) return undefined
  for (const key of Object.keys(options)) {
    if ((options[key] ?? null) === null || machineOptions.has(key)) continue
    if (key === 'num_ctx') uses.add('context_length')
    else if (!knownOptions.has(key)) uses.add('engine_options')
  }
  return options
}

/** Engines read a negative number as no limit. */
function readMaxTokens(
  request: JsonObject,
  options: JsonObject | undefined,
  minTokens: number,
): number | undefined {
  const key = maxTokensFields.find((name) => (request[name] ?? null) !== null)
  const tokens =
    key === undefined ? options && integerOf(options, 'num_predict', 'options.') : integerOf(request, key)
  if (tokens === undefined || tokens < 0) return undefined
  return tokens < minTokens ? refuse(key ?? 'options.num_predict', `must be at least ${minTokens}`) : tokens
}

/** A string or a list; empty sequences stop nothing. */
function readStop(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const stop = list.map((each) =>
    typeof each === 'string' ? each : refuse('stop', 'must be text or a list of texts'),
  )
  const used = stop.filter((each) => each !== '')
  return used.length === 0 ? undefined : used
}

function readKeepAlive(value: unknown): number | string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' || typeof value === 'string') return value
  return refuse(
    'keep_alive',
    `must be seconds or a duration such as "5m", not ${isObject(value) ? 'an object' : typeof value}`,
  )
}
