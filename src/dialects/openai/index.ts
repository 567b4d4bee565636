import type { Dialect } from '../contract/dialect.ts'
import { chatFormat } from './chat/format.ts'
import { chat, completions } from './chat.ts'
import { completionsFormat } from './completions/format.ts'
import { embeddingsFormat } from './embeddings/embeddings-format.ts'
import { openaiErrors } from './errors/errors.ts'
import { embeddings, nativeCompletion, rerank, transcription } from './further-answers.ts'
import { writeLimit } from './limit-headers.ts'
import { openaiLists } from './model-list.ts'
import { rankingFormats } from './rerank/rerank-formats.ts'
import { responsesFormat } from './responses/format.ts'
import { responses } from './responses.ts'
import { openaiWaiting } from './waiting.ts'

/** OpenAI's API, and the routes that most servers have beside it. */
export const openai = {
  name: 'openai',
  paths: {
    // The default dialect, last in the list: it owns every path that no other dialect owns.
    owns: () => true,
    shared: undefined,
    inference: [
      ...['chat/completions', 'completions', 'responses', 'responses/**', 'embeddings', 'moderations'],
      ...['audio/**', 'images/**', 'videos', 'videos/**', 'files', 'files/**', 'uploads/**'],
      ...['batches', 'batches/**', 'vector_stores', 'vector_stores/**', 'assistants', 'assistants/**'],
      ...['threads', 'threads/**', 'conversations', 'conversations/**', 'containers/**'],
    ],
    postOnly: [
      '/v\\d+/(?:chat/completions|completions|embeddings|responses|moderations)',
      '/v\\d+/(?:audio/(?:speech|transcriptions|translations)|images/(?:generations|edits|variations))',
      '^/(?:chat/completions|completions|embeddings)',
    ],
    acceptsName: undefined,
    management: undefined,
  },
  errors: openaiErrors,
  answers: [chat, completions, responses, embeddings, rerank, transcription, nativeCompletion],
  models: openaiLists,
  keepAlive: undefined,
  waiting: openaiWaiting,
  writeLimit,
  requestIdHeader: undefined,
  formats: [chatFormat, responsesFormat, completionsFormat],
  embeddings: [embeddingsFormat],
  rankings: rankingFormats,
  translatedPaths: [],
} satisfies Dialect
