import { type AnswerForm, answerForm, type EventContent } from '../contract/answer-form.ts'
import { MessageAssembly } from './assembly/message.ts'

const eventType =
  /"type"\s*:\s*"(ping|message_start|message_delta|message_stop|content_block_start|content_block_delta|content_block_stop)"/
const emptyBlock = /"content_block"\s*:\s*\{[^{}]*"type"\s*:\s*"(?:text|thinking)"/
const fullBlock = /"(?:text|thinking)"\s*:\s*"[^"]/
const emptyDelta = /"(?:text|thinking|partial_json)"\s*:\s*""/
const stopReason = /"stop_reason"\s*:\s*"(\w+)"/

function contentOf(text: string, name: string): EventContent {
  switch (name === '' ? eventType.exec(text)?.[1] : name) {
    case 'ping':
    case 'message_start':
    case 'content_block_stop':
      return 'idle'
    case 'content_block_start':
      return emptyBlock.test(text) && !fullBlock.test(text) ? 'idle' : 'content'
    case 'content_block_delta':
      return emptyDelta.test(text) ? 'idle' : 'content'
    case 'message_delta': {
      const reason = stopReason.exec(text)?.[1]
      return reason === undefined ? 'idle' : reason === 'end_turn' ? 'empty_end' : 'content'
    }
    case 'message_stop':
      return 'empty_end'
    default:
      return 'content'
  }
}

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
    contentOf,
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
