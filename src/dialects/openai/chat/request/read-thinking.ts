import { isObject, type JsonObject, objectField } from '../../../../kernel/json/json-fields.ts'
import type { Thinking } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { booleanOf, numberOf, refuse } from './field-values.ts'

const efforts: ReadonlySet<string> = new Set(['minimal', 'low', 'medium', 'high', 'xhigh', 'max'])
/** Names of the field that limits the tokens of thinking. */
const budgetFields = [
  'thinking_budget',
  'thinking_budget_tokens',
  'thinking_token_budget',
  'reasoning_budget',
]
/** What templates read from `chat_template_kwargs`. */
const templateFields: ReadonlySet<string> = new Set([
  'enable_thinking',
  'thinking',
  'reasoning_effort',
  'thinking_budget',
])

const nothing: JsonObject = {}

/**
 * Whether and how hard to think, in the forms of OpenAI (`reasoning_effort`), OpenRouter (`reasoning`), templates
 * (`chat_template_kwargs`), Qwen (`enable_thinking`), DeepSeek and Z.ai (`thinking`) and Ollama (`think`).
 * @throws GatewayError invalid_request
 */
export function readThinking(request: JsonObject, uses: Set<Feature>): Thinking | undefined {
  const reasoning = objectField(request, 'reasoning') ?? nothing
  const thinking = objectField(request, 'thinking') ?? nothing
  const template = objectField(request, 'chat_template_kwargs') ?? nothing
  if (Object.keys(template).some((key) => !templateFields.has(key))) uses.add('engine_options')
  const level =
    levelOf(request.reasoning_effort, 'reasoning_effort') ??
    levelOf(isObject(request.reasoning) ? reasoning.effort : request.reasoning, 'reasoning.effort') ??
    levelOf(template.reasoning_effort, 'chat_template_kwargs.reasoning_effort') ??
    levelOf(request.think, 'think')
  const budget =
    numberOf(reasoning, 'max_tokens', 'reasoning.') ??
    numberOf(thinking, 'budget_tokens', 'thinking.') ??
    numberOf(template, 'thinking_budget', 'chat_template_kwargs.') ??
    budgetFields.reduce<number | undefined>((found, key) => found ?? numberOf(request, key), undefined)
  const isOn =
    isSwitchedOn(request, reasoning, thinking, template) ??
    (level === 'none' || budget === 0 ? false : undefined)
  const effort = level === 'none' || isOn === false ? undefined : level
  const budgetTokens = budget !== undefined && budget > 0 && isOn !== false ? budget : undefined
  const isShown = isHidden(request, reasoning) ? false : undefined
  if (isOn !== undefined) uses.add('thinking')
  if (effort !== undefined) uses.add('effort')
  if (budgetTokens !== undefined) uses.add('thinking_budget')
  if ((reasoning.summary ?? null) !== null) uses.add('thinking_summary')
  if (isOn === undefined && effort === undefined && budgetTokens === undefined && isShown === undefined)
    return undefined
  return { isOn, effort, budgetTokens, isShown }
}

function isSwitchedOn(
  request: JsonObject,
  reasoning: JsonObject,
  thinking: JsonObject,
  template: JsonObject,
): boolean | undefined {
  const { type } = thinking
  if (type === 'disabled') return false
  if (type === 'enabled' || type === 'adaptive') return true
  return (
    booleanOf(template, 'enable_thinking', 'chat_template_kwargs.') ??
    booleanOf(template, 'thinking', 'chat_template_kwargs.') ??
    booleanOf(reasoning, 'enabled', 'reasoning.') ??
    booleanOf(request, 'enable_thinking') ??
    switchOf(request.thinking) ??
    switchOf(request.think) ??
    switchOf(request.reasoning)
  )
}

function switchOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** `none` turns thinking off. */
function levelOf(value: unknown, at: string): string | undefined {
  if (value === undefined || value === null || typeof value === 'boolean') return undefined
  if (typeof value !== 'string') return refuse(at, 'must be a string')
  const level = value.toLowerCase()
  if (level === '' || level === 'default' || level === 'auto') return undefined
  return level === 'none' || efforts.has(level)
    ? level
    : refuse(at, `must be none, ${[...efforts].join(', ')} or absent`)
}

function isHidden(request: JsonObject, reasoning: JsonObject): boolean {
  return (
    request.include_reasoning === false || reasoning.exclude === true || request.reasoning_format === 'hidden'
  )
}
