import { type AnswerForm, answerForm } from '../contract/answer-form.ts'
import { MessageAssembly } from './assembly/message.ts'

const idle = /^\{[^{}]*"type"\s*:\s*"(?:ping|message_start)"/

/** Answers of the Messages API. */
export const messages: AnswerForm = answerForm({
  name: 'messages',
  // Below one of OpenAI's threads, `messages` are stored objects.
  owns: (path) => path.endsWith('/v1/messages') || path === '/messages',
  operations: { '/messages': 'chat' },
  usage: {
    section: 'anthropic',
    // `input_tokens` excludes cached tokens (Messages API, prompt caching).
    standard: {
      prompt_tokens: 'usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens',
      completion_tokens: 'usage.output_tokens',
      cached_tokens: 'usage.cache_read_input_tokens',
    },
    furtherPaths: /\/messages$/,
  },
  contentKeys: ['text', 'thinking', 'partial_json'],
  results: { content: 'list' },
  stream: {
    belongs: /(?<!\\)"type"\s*:\s*"(?:message_start|message_delta|content_block_\w+)"/,
    ends: /(?<!\\)"type"\s*:\s*"message_stop"|^event:\s*message_stop\s*$/m,
    usualEnd: Buffer.from('\nevent: message_stop\n'),
    endsWithDone: false,
    lines: undefined,
    startsText: () => false,
    isIdle: (text) => idle.test(text),
    isErrorEvent: (name, value) => name === 'error' && value.type === 'error',
  },
  modelHolder: 'message',
  assembly: {
    framing: 'sse',
    owns: () => true,
    streamsByDefault: false,
    requestsUsage: false,
    excludes: [],
    limitations: ({ anthropic }) => anthropic.limitations,
    create: () => new MessageAssembly(),
  },
})
