import { type AnswerForm, answerForm, type StreamForm } from '../contract/answer-form.ts'
import { openaiUsage } from './usage.ts'
import { editForUsage } from './usage-edit.ts'

const quote = 0x22
const deltaText = '"delta":{"content":"'
/** An event that opens a chat or states its role, without an error beside it. */
const idleDelta =
  /"delta"\s*:\s*\{\s*(?:"(?:role"\s*:\s*"[a-z]*"|(?:content|reasoning_content|reasoning|refusal|tool_calls)"\s*:\s*(?:""|null|\[\s*\]))\s*(?:,\s*)?)*\}/
const noChoices = /"choices"\s*:\s*(?:\[\s*\]|null)/
const emptyText = /"text"\s*:\s*""/
const hasEnding = /"finish_reason"\s*:\s*"/

export const openaiContentKeys = ['content', 'reasoning_content', 'reasoning', 'text', 'tool_calls']

const stream: StreamForm = {
  belongs: /(?<!\\)"choices"\s*:/,
  ends: /^data:\s*\[DONE\]|(?<!\\)"finish_reason"\s*:\s*"/m,
  usualEnd: Buffer.from('\ndata: [DONE]'),
  endsWithDone: true,
  lines: undefined,
  startsText(text) {
    const at = text.indexOf(deltaText)
    return at >= 0 && text.charCodeAt(at + deltaText.length) !== quote
  },
  isIdle(text) {
    if (text.includes('"error"') || hasEnding.test(text)) return false
    return idleDelta.test(text) || noChoices.test(text) || emptyText.test(text)
  },
  isErrorEvent: isOpenaiErrorEvent,
}

export const chat: AnswerForm = answerForm({
  name: 'chat',
  owns: (path) => path.endsWith('/chat/completions'),
  operations: { '/chat/completions': 'chat' },
  usage: openaiUsage,
  contentKeys: openaiContentKeys,
  results: { choices: 'list' },
  plainStart: /^\{(?:"(?!error")[^"\\]*":(?:"[^"\\]*"|-?[\d.]+|null|true|false),)*"choices":\[\{/,
  stream,
  hasContext: true,
  editForUsage,
})

export const completions: AnswerForm = answerForm({
  name: 'completions',
  owns: (path) => path.endsWith('/completions') && !path.endsWith('/chat/completions'),
  operations: { '/completions': 'text_completion' },
  usage: openaiUsage,
  contentKeys: openaiContentKeys,
  results: { choices: 'list' },
  stream,
  hasContext: true,
  editForUsage,
})

/** Whether OpenAI's clients treat an event as an error. */
export function isOpenaiErrorEvent(_name: string, value: Readonly<Record<string, unknown>>): boolean {
  return (
    (value.error !== undefined && value.error !== null) ||
    value.type === 'error' ||
    value.type === 'response.failed'
  )
}
