import type { EmbeddingsFormat } from '../../hub/exchange/exchange-format.ts'
import { readEmbeddings } from '../../hub/exchange/read-embeddings.ts'
import { embeddingsFields, readEmbeddingsRequest } from './read-request.ts'
import { writeEmbeddings } from './write-answer.ts'
import { embeddingsFates, writeEmbeddingsRequest } from './write-request.ts'

/** OpenAI's `/v1/embeddings`. */
export const embeddingsFormat: EmbeddingsFormat = {
  name: 'embeddings',
  family: 'embeddings',
  path: '/v1/embeddings',
  fields: embeddingsFields,
  fates: embeddingsFates,
  readRequest: readEmbeddingsRequest,
  writeRequest: writeEmbeddingsRequest,
  readAnswer: readEmbeddings,
  writeAnswer: writeEmbeddings,
}
