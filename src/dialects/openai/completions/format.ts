import { longTextPlan } from '../../../kernel/json/long-texts.ts'
import type { Format } from '../../hub/format.ts'
import { CompletionsReader } from './read-answer.ts'
import { completionsFields, readCompletionsRequest } from './read-request.ts'
import { completionsWriter } from './write-answer.ts'
import { completionsFates, writeCompletionsRequest } from './write-request.ts'

/** OpenAI's earlier Completions: a prompt without roles. */
export const completionsFormat: Format = {
  name: 'completions',
  path: '/v1/completions',
  framing: 'sse',
  streamType: 'text/event-stream; charset=utf-8',
  callIdPrefix: 'call',
  isPlain: true,
  fields: completionsFields,
  fates: completionsFates,
  longTexts: longTextPlan({ paths: ['prompt'] }),
  readRequest: readCompletionsRequest,
  writeRequest: writeCompletionsRequest,
  readAnswer: (builder) => new CompletionsReader(builder),
  writeAnswer: completionsWriter,
}
