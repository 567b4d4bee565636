import type { EmbeddingsFormat } from '../../hub/exchange/exchange-format.ts'
import { readEmbedAnswer, writeEmbedAnswer, writeOllamaEmbeddingsAnswer } from './answers.ts'
import {
  embedFields,
  ollamaEmbeddingsFields,
  readEmbedRequest,
  readOllamaEmbeddingsRequest,
} from './read-request.ts'
import {
  embedFates,
  ollamaEmbeddingsFates,
  writeEmbedRequest,
  writeOllamaEmbeddingsRequest,
} from './write-request.ts'

export const ollamaEmbedFormat: EmbeddingsFormat = {
  name: 'ollama-embed',
  family: 'embeddings',
  path: '/api/embed',
  fields: embedFields,
  fates: embedFates,
  readRequest: readEmbedRequest,
  writeRequest: writeEmbedRequest,
  readAnswer: readEmbedAnswer,
  writeAnswer: writeEmbedAnswer,
}

export const ollamaEmbeddingsFormat: EmbeddingsFormat = {
  name: 'ollama-embeddings',
  family: 'embeddings',
  path: '/api/embeddings',
  fields: ollamaEmbeddingsFields,
  fates: ollamaEmbeddingsFates,
  readRequest: readOllamaEmbeddingsRequest,
  writeRequest: writeOllamaEmbeddingsRequest,
  readAnswer: readEmbedAnswer,
  writeAnswer: writeOllamaEmbeddingsAnswer,
}
