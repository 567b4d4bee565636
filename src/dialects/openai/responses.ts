import { type AnswerForm, answerForm } from '../contract/answer-form.ts'
import { ResponseAssembly } from './assembly/response.ts'
import { isOpenaiErrorEvent } from './chat.ts'
import { responseContentOf } from './responses/first-content.ts'

export const responses: AnswerForm = answerForm({
  name: 'responses',
  owns: (path) => path.endsWith('/responses'),
  operations: { '/responses': 'chat' },
  usage: {
    section: 'responses',
    standard: {
      prompt_tokens: 'usage.input_tokens',
      completion_tokens: 'usage.output_tokens',
      cached_tokens: 'usage.input_tokens_details.cached_tokens',
      reasoning_tokens: 'usage.output_tokens_details.reasoning_tokens',
    },
    furtherPaths: undefined,
  },
  contentKeys: ['delta'],
  results: { output: 'list' },
  stream: {
    belongs: /(?<!\\)"type"\s*:\s*"response\.|^event:\s*response\./m,
    ends: /(?<!\\)"type"\s*:\s*"response\.(?:completed|failed|incomplete|cancelled|done)"|^event:\s*response\.(?:completed|failed|incomplete|cancelled|done)\s*$/m,
    usualEnd: undefined,
    endsWithDone: false,
    lines: undefined,
    startsText: () => false,
    contentOf: responseContentOf,
    isErrorEvent: isOpenaiErrorEvent,
  },
  modelHolder: 'response',
  hasContext: true,
  /** `ResponseErrorEvent` of OpenAI's OpenAPI document has its own sequence number. */
  brokenStreamEvent({ code, message }, tail) {
    const body = { type: 'error', code, message, param: null, sequence_number: nextNumber(tail) }
    return `event: error\ndata: ${JSON.stringify(body)}\n\n`
  },
  assembly: {
    framing: 'sse',
    owns: () => true,
    streamsByDefault: false,
    requestsUsage: false,
    // A response in the background answers at once.
    excludes: ['background', 'stream_options'],
    limitations: ({ responses }) => responses.limitations,
    create: () => new ResponseAssembly(),
  },
})

function nextNumber(tail: string): number {
  const found = [...tail.matchAll(/(?<!\\)"sequence_number"\s*:\s*(\d{1,9})/g)].at(-1)
  return found === undefined ? 0 : Number(found[1]) + 1
}
