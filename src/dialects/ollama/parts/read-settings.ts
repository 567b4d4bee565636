import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import type { AnswerFormat, Settings, Thinking } from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { readKeepAlive } from './keep-alive.ts'
import { isGiven, optionalFlag, refuse } from './read-fields.ts'
import { readOptions } from './read-options.ts'

const levels: ReadonlySet<unknown> = new Set(['low', 'medium', 'high', 'max'])
const maxTopLogprobs = 20

/**
 * Reads what `/api/chat` and `/api/generate` have in common. `shift` has no counterpart: it makes Ollama shorten a context
 * that becomes too long, or not, and only Ollama shortens it.
 * @param uses receives the features that the settings use
 * @throws GatewayError invalid_request
 */
export function readSettings(request: JsonObject, uses: Set<Feature>): Settings {
  optionalFlag(request, 'shift')
  // Asks for the prompt instead of an answer.
  if (optionalFlag(request, '_debug_render_only') === true) uses.add('prompt_template')
  const keepAlive = readKeepAlive(request.keep_alive)
  if (keepAlive !== undefined) uses.add('keep_alive')
  return {
    ...readOptions(request.options, uses),
    format: readFormat(request.format, uses),
    thinking: readThink(request.think, uses),
    logprobs: readLogprobs(request, uses),
    keepAlive,
    truncates: optionalFlag(request, 'truncate'),
  }
}

/** `""`, `"json"`, or a JSON schema. */
function readFormat(format: unknown, uses: Set<Feature>): AnswerFormat | undefined {
  if (!isGiven(format) || format === '') return undefined
  if (format === 'json') {
    uses.add('json_mode')
    return { kind: 'json' }
  }
  if (!isObject(format)) refuse('format: must be "json" or a JSON schema object')
  uses.add('json_schema')
  // OpenAI's API requires a name.
  return { kind: 'schema', name: 'answer', schema: format }
}

/**
 * Ollama's models that can think do so by default. `false` uses no feature, because it must work with every model: an
 * answer without thinking is what the client asks for.
 */
function readThink(think: unknown, uses: Set<Feature>): Thinking | undefined {
  if (!isGiven(think)) return undefined
  if (think === false) return { isOn: false }
  if (think !== true && !levels.has(think)) {
    refuse('think: must be true, false, "low", "medium", "high" or "max"')
  }
  uses.add('thinking')
  if (typeof think !== 'string') return { isOn: true }
  uses.add('effort')
  return { isOn: true, effort: think }
}

function readLogprobs(request: JsonObject, uses: Set<Feature>): number | undefined {
  const { top_logprobs: given } = request
  const top = isGiven(given) ? given : 0
  if (typeof top !== 'number' || !Number.isInteger(top) || top < 0 || top > maxTopLogprobs) {
    refuse(`top_logprobs: must be an integer between 0 and ${maxTopLogprobs}`)
  }
  if (optionalFlag(request, 'logprobs') !== true) return undefined
  uses.add('logprobs')
  return top
}
