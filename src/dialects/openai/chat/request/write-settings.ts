import { createHash } from 'node:crypto'
import type { ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import type { AnswerFormat, Settings, Thinking } from '../../../hub/contract/conversation.ts'

/** Longest `user` that OpenAI accepts; Claude Code sends 150 characters and more. */
const maxUserLength = 64

/** Effort levels mapped to those that every server accepts; vLLM and SGLang reject others. */
const efforts: Readonly<Record<string, string>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}

/** A request under construction. */
export type OpenBody = Record<string, unknown>

export function putSettings(body: OpenBody, settings: Settings, traits: ChatTraits): void {
  put(body, 'max_tokens', settings.maxTokens)
  put(body, 'temperature', settings.temperature)
  put(body, 'top_p', settings.topP)
  put(body, 'top_k', settings.topK)
  put(body, 'stop', settings.stop)
  put(body, 'user', userOf(settings))
  if (settings.format !== undefined) body.response_format = responseFormat(settings.format)
  if (settings.thinking !== undefined) putThinking(body, settings.thinking, traits)
  put(body, 'seed', settings.seed)
  put(body, 'presence_penalty', settings.presencePenalty)
  put(body, 'frequency_penalty', settings.frequencyPenalty)
  put(body, 'logit_bias', settings.logitBias)
  const { repeatPenalty = 'none' } = traits
  if (repeatPenalty !== 'none') {
    put(body, 'min_p', settings.minP)
    put(body, repeatPenalty, settings.repeatPenalty)
  }
  put(body, 'verbosity', settings.verbosity)
  if (settings.logprobs !== undefined) putLogprobs(body, settings.logprobs)
}

function put(body: OpenBody, key: string, value: unknown): void {
  if (value !== undefined) body[key] = value
}

/** Replaces a user ID that is too long with its hash, which still distinguishes users. */
function userOf({ user }: Settings): string | undefined {
  return user !== undefined && user.length > maxUserLength
    ? createHash('sha256').update(user).digest('hex')
    : user
}

function responseFormat(format: AnswerFormat): object {
  if (format.kind === 'json') return { type: 'json_object' }
  const { name, schema, description, isStrict } = format
  return {
    type: 'json_schema',
    json_schema: {
      name,
      schema,
      ...(isStrict === undefined ? {} : { strict: isStrict }),
      ...(description === undefined ? {} : { description }),
    },
  }
}

/**
 * Whether and how hard to think. Servers enable thinking by default for models that support it, and some reject an
 * effort for other models, so `reasoning_effort` is only used to turn thinking off. Templates ignore arguments that
 * they do not know.
 */
function putThinking(body: OpenBody, { isOn, effort: asked }: Thinking, traits: ChatTraits): void {
  const effort = isOn === false || asked === undefined ? undefined : effortOf(asked, traits)
  const template: OpenBody = {}
  if (isOn !== undefined && traits.thinkingSwitch === 'chat_template_kwargs') template.enable_thinking = isOn
  if (effort !== undefined && traits.effort === 'chat_template_kwargs') template.reasoning_effort = effort
  if (Object.keys(template).length > 0) body.chat_template_kwargs = template
  put(
    body,
    'reasoning_effort',
    isOn === false && traits.thinkingSwitch === 'reasoning_effort' ? 'none' : effort,
  )
}

function effortOf(asked: string, { effort = 'none', isThinker }: ChatTraits): string | undefined {
  if (effort === 'none' || (effort === 'thinking_models' && isThinker !== true)) return undefined
  return Object.hasOwn(efforts, asked) ? efforts[asked] : undefined
}

function putLogprobs(body: OpenBody, alternatives: number): void {
  body.logprobs = true
  if (alternatives > 0) body.top_logprobs = alternatives
}
