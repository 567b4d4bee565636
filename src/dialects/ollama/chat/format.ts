import { longTextPlan } from '../../../kernel/json/long-texts.ts'
import type { Format } from '../../hub/format.ts'
import { loadAnswer } from '../parts/load-request.ts'
import { ollamaChatFates, ollamaChatFields } from './features.ts'
import { OllamaChatReader } from './read-answer.ts'
import { readOllamaChatRequest } from './read-request.ts'
import { ollamaChatWriter } from './write-answer.ts'
import { writeOllamaChatRequest } from './write-request.ts'

/** Ollama's `/api/chat`. */
export const ollamaChatFormat: Format = {
  name: 'ollama-chat',
  path: '/api/chat',
  framing: 'ndjson',
  streamType: 'application/x-ndjson',
  callIdPrefix: 'call',
  fields: ollamaChatFields,
  fates: ollamaChatFates,
  longTexts: longTextPlan({ paths: ['messages.content'], messages: 'messages' }),
  readRequest: readOllamaChatRequest,
  writeRequest: writeOllamaChatRequest,
  readAnswer: (builder) => new OllamaChatReader(builder),
  writeAnswer: ollamaChatWriter,
  immediateAnswer: (request, model, nowMs) => loadAnswer(request, 'chat', model, nowMs),
}
