import { type AnswerForm, answerForm } from '../contract/answer-form.ts'
import { LineAssembly } from './assembly/lines.ts'

const emptyLine = /"(?:content|response)"\s*:\s*""\s*[,}]/
/** Content besides the text. */
const otherContent = /"(?:thinking|image)"\s*:\s*"[^"]|"(?:tool_calls|images|logprobs)"\s*:\s*\[\s*[^\s\]]/
const isOpen = /"done"\s*:\s*false/
/** Other reasons are limits, and models that were loaded or unloaded. */
const isStopped = /"done_reason"\s*:\s*"stop"/

/** Answers of `/api/chat`, `/api/generate`, `/api/embed` and `/api/embeddings`. */
export const ollamaAnswers: AnswerForm = answerForm({
  name: 'ollama',
  owns: (path) => /\/api\/(?:chat|generate|embed|embeddings)$/.test(path),
  operations: { '/api/chat': 'chat', '/api/generate': 'text_completion', '/api/embed': 'embeddings' },
  usage: {
    section: 'ollama',
    standard: {
      prompt_tokens: 'prompt_eval_count',
      completion_tokens: 'eval_count',
      load_ns: 'load_duration',
      prompt_ns: 'prompt_eval_duration',
      generation_ns: 'eval_duration',
    },
    furtherPaths: /\/api\/embed/,
  },
  contentKeys: ['content', 'response', 'thinking', 'tool_calls'],
  results: { message: 'object', response: 'text', embeddings: 'list', embedding: 'list' },
  stream: {
    belongs: /(?<!\\)"done"\s*:/,
    ends: /(?<!\\)"done"\s*:\s*true/,
    usualEnd: undefined,
    endsWithDone: false,
    lines: {
      isLast: ({ done }) => done === true,
      isContent: (value) => 'message' in value || 'response' in value,
      mayBeError: (text) => text.includes('"error"') || !text.includes('"done"'),
      contentOf(text) {
        if (!emptyLine.test(text) || otherContent.test(text)) return 'content'
        return isOpen.test(text) ? 'idle' : isStopped.test(text) ? 'empty_end' : 'content'
      },
    },
    startsText: () => false,
    contentOf: () => 'content',
    isErrorEvent: (_name, { error }) => typeof error === 'string',
  },
  assembly: {
    framing: 'ndjson',
    owns: (path) => /\/api\/(?:chat|generate)$/.test(path),
    streamsByDefault: true,
    requestsUsage: false,
    excludes: [],
    create: () => new LineAssembly(),
  },
})
