import type { AssemblyForm } from '../assembly/assembly-form.ts'
import { type AnswerForm, answerForm, type EventContent, type StreamForm } from '../contract/answer-form.ts'
import { CompletionAssembly } from './assembly/completion.ts'
import { openaiUsage } from './usage.ts'
import { editForUsage } from './usage-edit.ts'

const quote = 0x22
const deltaText = '"delta":{"content":"'
/** A delta with more than a role and empty members. */
const fullDelta =
  /"delta"\s*:(?!\s*(?:null|\{\s*(?:"(?:role"\s*:\s*"[a-z]+"|\w+"\s*:\s*(?:""|null|\[\s*\]|\{\s*\}))\s*(?:,\s*)?)*\}))/
const noChoices = /"choices"\s*:\s*(?:\[\s*\]|null)/
const emptyText = /"text"\s*:\s*""/
const fullText = /"text"\s*:\s*"[^"]/
/** Log probabilities, audio and other lists or objects that some servers put beside a delta. */
const fullLogprobs = /"logprobs"\s*:\s*\{\s*"\w+"\s*:\s*[[{]\s*[^\s\]}]/
const realError = /"error"\s*:\s*(?!null)/
/** A reason other than that the model ended its answer. */
const otherFinish = /"finish_reason"\s*:\s*"(?!(?:stop|eos|eos_token|end_turn)")/
const anyFinish = /"finish_reason"\s*:\s*"/
/** vLLM and SGLang name the requested stop sequence that ended the answer. */
const stopSequence = /"(?:stop_reason|matched_stop|stopping_word)"\s*:\s*"/

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
  contentOf(text) {
    if (!isEmptyChunk(text)) return 'content'
    return anyFinish.test(text) ? endOf(text) : 'idle'
  },
  isErrorEvent: isOpenaiErrorEvent,
}

function isEmptyChunk(text: string): boolean {
  if (realError.test(text) || fullLogprobs.test(text)) return false
  if (text.includes('"delta"')) return !fullDelta.test(text)
  return noChoices.test(text) || (emptyText.test(text) && !fullText.test(text))
}

function endOf(text: string): EventContent {
  return otherFinish.test(text) || stopSequence.test(text) ? 'content' : 'empty_end'
}

/** `stream_options` is an error without a stream. Beam search and prompt log probabilities of vLLM know no streams. */
const neverStreamed = ['stream_options', 'best_of', 'use_beam_search', 'prompt_logprobs', 'echo'] as const

function assemblyOf(isChat: boolean, excludes: readonly string[]): AssemblyForm {
  return {
    framing: 'sse',
    owns: () => true,
    streamsByDefault: false,
    requestsUsage: true,
    excludes: [...neverStreamed, ...excludes],
    create: () => new CompletionAssembly(isChat),
  }
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
  // Audio has another form in streams; SGLang's hidden states and llama.cpp's progress differ as well.
  assembly: assemblyOf(true, ['audio', 'modalities', 'return_hidden_states', 'return_progress']),
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
  assembly: assemblyOf(false, []),
})

/** Whether OpenAI's clients treat an event as an error. */
export function isOpenaiErrorEvent(_name: string, value: Readonly<Record<string, unknown>>): boolean {
  return (
    (value.error !== undefined && value.error !== null) ||
    value.type === 'error' ||
    value.type === 'response.failed'
  )
}
