import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { AnswerFormat, Conversation, Settings, Thinking } from '../../hub/contract/conversation.ts'
import type { FormatTarget } from '../../hub/format.ts'

/** Levels that every version with levels accepts: `max` is newer than the others. */
const levels: Readonly<Record<string, string>> = {
  minimal: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}

/** Writes what `/api/chat` and `/api/generate` have in common. */
export function writeSettings({ settings, isStream }: Conversation, { traits }: FormatTarget): JsonObject {
  const options = writeOptions(settings)
  const { format, keepAlive, logprobs, truncates } = settings
  const think = writeThink(settings.thinking, traits.isThinker === true)
  return {
    // True is Ollama's default.
    stream: isStream,
    ...(format === undefined ? {} : { format: writeFormat(format) }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(think === undefined ? {} : { think }),
    ...(keepAlive === undefined ? {} : { keep_alive: keepAlive }),
    ...(truncates === undefined ? {} : { truncate: truncates }),
    ...(logprobs === undefined ? {} : { logprobs: true }),
    ...(logprobs === undefined || logprobs === 0 ? {} : { top_logprobs: logprobs }),
  }
}

function writeOptions(settings: Settings): JsonObject {
  const { stop } = settings
  const options = {
    num_predict: settings.maxTokens,
    num_ctx: settings.contextTokens,
    temperature: settings.temperature,
    top_p: settings.topP,
    top_k: settings.topK,
    min_p: settings.minP,
    seed: settings.seed,
    stop: stop === undefined || stop.length === 0 ? undefined : stop,
    presence_penalty: settings.presencePenalty,
    frequency_penalty: settings.frequencyPenalty,
    repeat_penalty: settings.repeatPenalty,
  }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function writeFormat(format: AnswerFormat): string | JsonObject {
  return format.kind === 'json' ? 'json' : format.schema
}

/**
 * Ollama rejects `think` for models that cannot, except for `false`, and lets the others think by default. So it is only
 * sent to models that are known to think, or to turn thinking off.
 */
function writeThink(thinking: Thinking | undefined, isThinker: boolean): boolean | string | undefined {
  if (thinking === undefined) return undefined
  const { isOn, effort, budgetTokens } = thinking
  if (isOn === false) return false
  if (!isThinker) return undefined
  const level = effort === undefined ? undefined : levels[effort]
  return level ?? (isOn === true || budgetTokens !== undefined ? true : undefined)
}
