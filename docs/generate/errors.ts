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
    'Made from `src/kernel/errors.ts` and `src/dialects` by `npm run docs`; a test holds it to the code.',
    '',
    'A client gets the error shape of the API that it called. The code is `error.code` in the OpenAI shape. Messages',
    'may say more than the ones below, and never carry addresses, credentials or what an exception said.',
    '',
    table(['code', 'status', 'OpenAI type', 'Anthropic type', 'message'], rows),
    '',
    '## Shapes',
    '',
    'OpenAI (`/v1/*`, and wherever nothing else fits):',
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
    'A stream that breaks after its first byte carries the same body as an error event (`data: …` in SSE, preceded by',
    '`event: error` for Anthropic; one line in NDJSON; `event: error` with a `sequence_number` for the Responses API), and',
    'then the connection is cut. It never looks complete. A stream that the endpoint closes without the ending of its API',
    'is such a stream: no `[DONE]` and no `finish_reason`, no `response.completed`, no `message_stop`, no `"done":true`.',
    '',
    '## Errors of endpoints',
    '',
    'The error of an endpoint on an inference route keeps its status and its words, in the dialect of the API that was',
    'called; a body that is in this dialect already is passed on byte for byte. To clients of chat, completions and',
    'Responses a full context is `context_length_exceeded`, with status 400 where the endpoint said 5xx.',
    '',
    'An error, a web page or nothing in an answer with status 200 is a failure of the endpoint, and the request moves on.',
    'If no other endpoint can answer, the client gets the status that the error tells, or 502. An error that tells 4xx is',
    'the request’s own and is answered at once. In a stream the first event counts; events that say nothing yet (comments,',
    'the role, `response.created`) are held back for it up to a quarter of a second.',
    '',
  ].join('\n')
}
