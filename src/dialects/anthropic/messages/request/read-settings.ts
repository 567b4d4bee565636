import {
  asList,
  asNumber,
  asObject,
  asText,
  isObject,
  type JsonObject,
} from '../../../../kernel/json/json-fields.ts'
import type { AnswerFormat, Settings, Thinking } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { outputFormat } from './output-format.ts'

/** Reads the settings at the top of a request. `checkMessagesFrame` has checked the ranges. */
export function readSettings(
  request: JsonObject,
  uses: Set<Feature>,
  parallelCalls: boolean | undefined,
  continuesAnswer: boolean,
): Settings {
  const maxTokens = asNumber(request.max_tokens)
  const temperature = asNumber(request.temperature)
  const topP = asNumber(request.top_p)
  const topK = asNumber(request.top_k)
  const stop = stops(request.stop_sequences)
  const user = asText(asObject(request.metadata)?.user_id)
  const format = readFormat(request)
  const thinking = readThinking(request, uses)
  if (maxTokens !== undefined) uses.add('max_tokens')
  if (temperature !== undefined && temperature !== 1) uses.add('temperature')
  if (topP !== undefined && topP !== 1) uses.add('top_p')
  if (topK !== undefined) uses.add('top_k')
  if (stop !== undefined) uses.add('stop')
  if (user !== undefined) uses.add('user')
  if (format !== undefined) uses.add('json_schema')
  if (continuesAnswer) uses.add('prefill')
  if (request.cache_control !== undefined && request.cache_control !== null) uses.add('cache_control')
  if (hasServers(request)) uses.add('hosted_tools')
  return {
    maxTokens,
    temperature,
    topP,
    topK,
    stop,
    format,
    thinking,
    parallelCalls,
    user,
    serviceTier: readTier(request, uses),
    continuesAnswer: continuesAnswer ? true : undefined,
  }
}

function stops(sequences: unknown): string[] | undefined {
  const list = asList(sequences)
  if (list.length === 0) return undefined
  const stop = list.filter((each): each is string => typeof each === 'string' && each !== '')
  return stop.length === 0 ? undefined : stop
}

/** Anthropic's schemas are always enforced. */
function readFormat(request: JsonObject): AnswerFormat | undefined {
  const format = outputFormat(request)
  if (format === undefined || !isObject(format.schema)) return undefined
  return {
    kind: 'schema',
    name: asText(format.name) ?? 'output',
    schema: format.schema,
    isStrict: true,
  }
}

function readThinking(request: JsonObject, uses: Set<Feature>): Thinking | undefined {
  const thinking = asObject(request.thinking)
  const type = asText(thinking?.type)
  const effort = asText(asObject(request.output_config)?.effort)
  if (type === undefined && effort === undefined) return undefined
  const isOn = type === undefined ? undefined : type !== 'disabled'
  const budgetTokens = asNumber(thinking?.budget_tokens)
  if (isOn === true) uses.add('thinking')
  if (budgetTokens !== undefined) uses.add('thinking_budget')
  if (effort !== undefined) uses.add('effort')
  return { isOn, effort, budgetTokens, isShown: thinking?.display === 'omitted' ? false : undefined }
}

/** In OpenAI's words: `standard_only` excludes the priority tier, as `default` does. */
function readTier(request: JsonObject, uses: Set<Feature>): string | undefined {
  if (request.service_tier !== 'standard_only') return undefined
  uses.add('service_tier')
  return 'default'
}

/** MCP servers that Anthropic would call, or a container in which it would run code. */
function hasServers(request: JsonObject): boolean {
  return asList(request.mcp_servers).length > 0 || (request.container ?? null) !== null
}
