import { longTextPlan } from '../../../kernel/json/long-texts.ts'
import type { Format } from '../../hub/format.ts'
import { loadAnswer } from '../parts/load-request.ts'
import { ollamaGenerateFates, ollamaGenerateFields } from './features.ts'
import { OllamaGenerateReader } from './read-answer.ts'
import { readOllamaGenerateRequest } from './read-request.ts'
import { ollamaGenerateWriter } from './write-answer.ts'
import { writeOllamaGenerateRequest } from './write-request.ts'

/** Ollama's `/api/generate`. */
export const ollamaGenerateFormat: Format = {
  name: 'ollama-generate',
  path: '/api/generate',
  framing: 'ndjson',
  streamType: 'application/x-ndjson',
  callIdPrefix: 'call',
  fields: ollamaGenerateFields,
  fates: ollamaGenerateFates,
  longTexts: longTextPlan({ paths: ['prompt'] }),
  readRequest: readOllamaGenerateRequest,
  writeRequest: writeOllamaGenerateRequest,
  readAnswer: (builder) => new OllamaGenerateReader(builder),
  writeAnswer: ollamaGenerateWriter,
  immediateAnswer: (request, model, nowMs) => loadAnswer(request, 'generate', model, nowMs),
}
