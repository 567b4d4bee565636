import type { AnswerFailure } from '../../hub/contract/answer.ts'
import type { EmbeddingsAnswer, EmbeddingsRequest } from '../../hub/contract/embeddings.ts'
import type { WholeCall } from '../../hub/contract/whole.ts'
import { answeredModel } from '../../hub/exchange/exchange-format.ts'
import { toBase64 } from '../../hub/parts/vectors.ts'

/** Writes the answer of `/v1/embeddings`, each vector in the encoding that the client requests. */
export function writeEmbeddings(
  { model, vectors, usage: { promptTokens } }: EmbeddingsAnswer,
  call: WholeCall<EmbeddingsRequest>,
): string | AnswerFailure {
  const { dimensions, encoding } = call.request
  const other = vectors.find(({ length }) => dimensions !== undefined && length !== dimensions)
  if (other !== undefined) return wrongLength(other.length)
  const data = vectors.map((vector, index) => ({
    object: 'embedding',
    index,
    embedding: encoding === 'base64' ? toBase64(vector) : vector,
  }))
  return JSON.stringify({
    object: 'list',
    data,
    model: answeredModel(model, call),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  })
}

/** Vectors of another length do not fit into the client's index. */
function wrongLength(length: number): AnswerFailure {
  return {
    statusCode: 400,
    endpointType: 'invalid_request_error',
    param: 'dimensions',
    message: `dimensions: the model's embeddings have ${length} dimensions`,
  }
}
