import { anthropic } from '../../src/dialects/anthropic/index.ts'
import type { Dialect } from '../../src/dialects/contract/dialect.ts'
import { ollama } from '../../src/dialects/ollama/index.ts'
import { openai } from '../../src/dialects/openai/index.ts'
import { errorTable } from '../../src/kernel/errors.ts'
import { code, table } from './markdown.ts'

/** Those whose APIs name types of errors. */
const typed = [openai, anthropic]

/** The error table as a Markdown page. */
export function errorReference(): string {
  const rows = Object.entries(errorTable).map(([name, { status, type, message }]) => [
    code(name),
    String(status),
    ...typed.map(({ errors }) => code(errors.types[type])),
    message,
  ])
  const example = ({ errors }: Dialect) => {
    const error = { code: 'model_not_found' as const, message: errorTable.model_not_found.message }
    return `\`\`\`json\n${JSON.stringify(errors.body(error, 'llama-grazing-1f2e3d4c'), null, 2)}\n\`\`\``
  }
  return [
    '# Errors',
    '',
    'Generated from `src/kernel/errors.ts` and `src/dialects` by `npm run docs`; a test compares it with the code.',
    '',
    'Clients receive errors in the format of the API that they called. The code is `error.code` in the OpenAI format.',
    'Messages may be more specific than the ones below. They never contain addresses, credentials or exception texts.',
    '',
    table(['code', 'status', 'OpenAI type', 'Anthropic type', 'message'], rows),
    '',
    '## Shapes',
    '',
    'OpenAI (`/v1/*`, and all other paths):',
    '',
    example(openai),
    '',
    'Anthropic (`/v1/messages`, `/olla/anthropic/*`), with a `request-id` header:',
    '',
    example(anthropic),
    '',
    'Ollama (`/api/*`):',
    '',
    example(ollama),
    '',
    'If a stream fails after its first byte, the gateway sends the same body as an error event (`data: …` in SSE, preceded by',
    '`event: error` for Anthropic; one line in NDJSON; `event: error` with a `sequence_number` for the Responses API), and',
    'then closes the connection, so that the stream never looks complete. This includes streams that the endpoint closes',
    'without the ending of its API: `[DONE]` or `finish_reason`, `response.completed`, `message_stop`, `"done":true`.',
    '',
    '## Errors of endpoints',
    '',
    'Errors of endpoints on inference routes keep their status and message, in the dialect of the API that the client',
    'called; a body that is already in this dialect is forwarded byte for byte. For chat, completions and Responses, a',
    'full context is reported as `context_length_exceeded`, with status 400 if the endpoint sent 5xx.',
    '',
    'An answer with status 200 that contains an error, a web page or nothing is a failure of the endpoint and triggers',
    'failover. If no other endpoint can answer, the client receives the status in the error, or 502. An error with a 4xx',
    'status is caused by the request and is forwarded at once. In a stream, the first event with content decides; earlier',
    'ones (comments, the role, `response.created`) are held back for it for up to 250 ms.',
    '',
  ].join('\n')
}
