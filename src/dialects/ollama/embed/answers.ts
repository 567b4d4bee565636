import type { EmbeddingsAnswer, EmbeddingsRequest } from '../../hub/contract/embeddings.ts'
import type { WholeCall, WholeReading } from '../../hub/contract/whole.ts'
import { answeredModel } from '../../hub/exchange/exchange-format.ts'
import { readEmbeddings } from '../../hub/exchange/read-embeddings.ts'
import { cutVector, normalized } from '../../hub/parts/vectors.ts'

/** Reads an answer. Versions that do not know `dimensions` ignore it, so the gateway cuts as later ones do. */
export function readEmbedAnswer(value: unknown, request: EmbeddingsRequest): WholeReading<EmbeddingsAnswer> {
  const reading = readEmbeddings(value, request)
  const { dimensions } = request
  if (!('answer' in reading) || dimensions === undefined) return reading
  const vectors = reading.answer.vectors.map((vector) => cutVector(vector, dimensions))
  return { answer: { ...reading.answer, vectors } }
}

/**
 * Writes the answer of `/api/embed`. Ollama documents that its vectors have length 1, and that it cuts them to
 * `dimensions`, whichever model computes them.
 */
export function writeEmbedAnswer(
  { model, vectors, usage, loadNs }: EmbeddingsAnswer,
  call: WholeCall<EmbeddingsRequest>,
): string {
  const { inputs, dimensions } = call.request
  const embeddings =
    inputs.length === 0 ? [] : vectors.map((vector) => normalized(cutVector(vector, dimensions)))
  return JSON.stringify({
    model: answeredModel(model, call),
    embeddings,
    total_duration: call.elapsedNs(),
    load_duration: loadNs ?? 0,
    ...(inputs.length === 0 ? {} : { prompt_eval_count: usage.promptTokens }),
  })
}

/** Writes the answer of `/api/embeddings`, which has nothing but the vector as the model computes it. */
export function writeOllamaEmbeddingsAnswer(
  { vectors }: EmbeddingsAnswer,
  { request: { inputs } }: WholeCall<EmbeddingsRequest>,
): string {
  return JSON.stringify({ embedding: inputs.length === 0 ? [] : (vectors[0] ?? []) })
}
