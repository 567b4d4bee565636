import type { Dialect } from '../contract/dialect.ts'
import { ollamaAnswers } from './answers.ts'
import { ollamaChatFormat } from './chat/format.ts'
import { ollamaEmbeddingsFormat, ollamaEmbedFormat } from './embed/embed-formats.ts'
import { ollamaErrors } from './errors.ts'
import { ollamaGenerateFormat } from './generate/format.ts'
import { ollamaLists } from './model-list.ts'
import { ollamaWaiting } from './waiting.ts'

/** Ollama's own API. */
export const ollama = {
  name: 'ollama',
  paths: {
    // `/api/v0` and `/api/v1` belong to LM Studio and Lemonade.
    owns: (path) => /^(?:\/olla\/(?:ollama|proxy))?\/api\/(?!v\d)/.test(path),
    shared: undefined,
    inference: ['chat', 'generate', 'embed', 'embeddings', 'api/tags', 'api/ps', 'api/show', 'api/version'],
    postOnly: ['/api/(?:chat|generate|embed|embeddings|show)'],
    acceptsName: /\/api\/(?:show|chat|generate|embed|embeddings|pull|push|create|delete)$/,
    management: {
      patterns: [
        ...['api/pull', 'api/push', 'api/create', 'api/copy', 'api/delete'],
        ...['api/blobs', 'api/blobs/*'],
      ],
      // Olla's own wording (contract 1.3).
      refusal: 'model management operations not supported by proxy',
    },
  },
  errors: ollamaErrors,
  answers: [ollamaAnswers],
  models: ollamaLists,
  keepAlive: undefined,
  waiting: ollamaWaiting,
  requestIdHeader: undefined,
  formats: [ollamaChatFormat, ollamaGenerateFormat],
  embeddings: [ollamaEmbedFormat, ollamaEmbeddingsFormat],
  translatedPaths: [],
} satisfies Dialect
