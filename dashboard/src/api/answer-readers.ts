/** What the page reads of answers in each API, from an event of a stream or from a whole answer; it ignores the rest. */
import type { ChatEvent } from '../state/chat-run.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * @param isWhole whether the JSON is the whole answer
 * @returns what it says; with `ended` or `failed` if nothing follows
 */
export type AnswerReader = (json: Json, isWhole: boolean) => ChatEvent[]

const ended: ChatEvent = { kind: 'ended' }

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export const readChat: AnswerReader = (json, isWhole) => {
  const [choice] = objectsIn(json.choices)
  const said = objectIn(choice?.message ?? choice?.delta)
  return [
    ...failureOf(json),
    ...thoughts(said.reasoning_content ?? said.reasoning),
    ...texts(said.content),
    ...usageOf(json.usage, 'prompt_tokens', 'completion_tokens'),
    // A stream ends with `[DONE]`.
    ...(isWhole ? [ended] : []),
  ]
}

export const readCompletion: AnswerReader = (json, isWhole) => [
  ...failureOf(json),
  ...texts(objectsIn(json.choices)[0]?.text),
  ...usageOf(json.usage, 'prompt_tokens', 'completion_tokens'),
  ...(isWhole ? [ended] : []),
]

export const readResponse: AnswerReader = (json, isWhole) => {
  if (isWhole) {
    const items = objectsIn(json.output)
    const parts = (type: string, field: string) =>
      items.filter((item) => item.type === type).flatMap((item) => objectsIn(item[field]))
    return [
      ...failureOf(json),
      ...parts('reasoning', 'summary').flatMap(({ text }) => thoughts(text)),
      ...parts('reasoning', 'content').flatMap(({ text }) => thoughts(text)),
      ...parts('message', 'content').flatMap(({ text, refusal }) => texts(text ?? refusal)),
      ...usageOf(json.usage, 'input_tokens', 'output_tokens'),
      ended,
    ]
  }
  switch (json.type) {
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      return texts(json.delta)
    case 'response.reasoning_text.delta':
    case 'response.reasoning_summary_text.delta':
      return thoughts(json.delta)
    case 'response.completed':
    case 'response.incomplete':
      return [...usageOf(objectIn(json.response).usage, 'input_tokens', 'output_tokens'), ended]
    case 'response.failed':
      return failureOf(objectIn(json.response))
    case 'error':
      return failureOf({ error: json.error ?? json })
    default:
      return []
  }
}

export const readMessage: AnswerReader = (json, isWhole) => {
  if (isWhole) {
    return [
      ...failureOf(json),
      ...objectsIn(json.content).flatMap(({ thinking, text }) => [...thoughts(thinking), ...texts(text)]),
      ...usageOf(json.usage, 'input_tokens', 'output_tokens'),
      ended,
    ]
  }
  const { thinking, text } = objectIn(json.delta)
  switch (json.type) {
    case 'message_start':
      return usageOf(objectIn(json.message).usage, 'input_tokens', 'output_tokens')
    case 'content_block_delta':
      return [...thoughts(thinking), ...texts(text)]
    case 'message_delta':
      return usageOf(json.usage, 'input_tokens', 'output_tokens')
    case 'message_stop':
      return [ended]
    default:
      return failureOf(json)
  }
}

/** A whole answer is like the last line of a stream. */
export const readOllama: AnswerReader = (json) => {
  const message = objectIn(json.message)
  return [
    ...failureOf(json),
    ...thoughts(message.thinking ?? json.thinking),
    ...texts(message.content ?? json.response),
    ...usageOf(json, 'prompt_eval_count', 'eval_count'),
    ...(json.done === true ? [ended] : []),
  ]
}

function texts(value: unknown): ChatEvent[] {
  return typeof value === 'string' && value !== '' ? [{ kind: 'text', text: value, isThought: false }] : []
}

function thoughts(value: unknown): ChatEvent[] {
  return typeof value === 'string' && value !== '' ? [{ kind: 'text', text: value, isThought: true }] : []
}

function usageOf(value: unknown, prompt: string, completion: string): ChatEvent[] {
  const { [prompt]: promptTokens, [completion]: completionTokens } = objectIn(value)
  if (typeof completionTokens !== 'number') return []
  const usage = { promptTokens: typeof promptTokens === 'number' ? promptTokens : 0, completionTokens }
  return [{ kind: 'usage', usage }]
}

function failureOf({ error }: Json): ChatEvent[] {
  if (error === undefined || error === null) return []
  const message = isJson(error) ? error.message : error
  const fallback = 'The endpoint reported an error.'
  return [{ kind: 'failed', message: typeof message === 'string' ? message : fallback }]
}

function objectIn(value: unknown): Json {
  return isJson(value) ? value : {}
}

function objectsIn(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isJson) : []
}
