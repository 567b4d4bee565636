import { errorBody, errorTable } from '../../src/errors.ts'
import { code, table } from './markdown.ts'

/** The error table as a Markdown page. */
export function errorReference(): string {
  const rows = Object.entries(errorTable).map(([name, { status, openaiType, anthropicType, message }]) => [
    code(name),
    String(status),
    code(openaiType),
    code(anthropicType),
    message,
  ])
  const example = (dialect: 'openai' | 'anthropic' | 'ollama') => {
    const error = { code: 'model_not_found' as const, message: errorTable.model_not_found.message }
    return `\`\`\`json\n${JSON.stringify(errorBody(dialect, error, 'llama-grazing-1f2e3d4c'), null, 2)}\n\`\`\``
  }
  return [
    '# Errors',
    '',
    'Made from `src/errors.ts` by `npm run docs`; a test holds it to the code.',
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
    example('openai'),
    '',
    'Anthropic (`/v1/messages`, `/olla/anthropic/*`), with a `request-id` header:',
    '',
    example('anthropic'),
    '',
    'Ollama (`/api/*`):',
    '',
    example('ollama'),
    '',
    'A stream that breaks after its first byte carries the same body as an error event (`data: …` in SSE, preceded by',
    '`event: error` for Anthropic; one line in NDJSON), and then the connection is cut. It never looks complete.',
    '',
  ].join('\n')
}
