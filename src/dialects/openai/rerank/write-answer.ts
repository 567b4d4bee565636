import { brokenAnswer } from '../../hub/answer/answer-builder.ts'
import type { AnswerFailure } from '../../hub/contract/answer.ts'
import type { DocumentScore, RankingAnswer, RankingRequest } from '../../hub/contract/ranking.ts'
import type { WholeCall } from '../../hub/contract/whole.ts'
import { answeredModel } from '../../hub/exchange/exchange-format.ts'

/** Writes the answer of `/v1/rerank`: the fields of Jina, vLLM and llama.cpp, with documents as Jina's default is. */
export function writeRerankAnswer(answer: RankingAnswer, call: WholeCall<RankingRequest>): string {
  const { promptTokens } = answer.usage
  const { documents, returnsDocuments } = call.request
  return JSON.stringify({
    id: call.newId('rerank'),
    object: 'list',
    model: answeredModel(answer.model, call),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    results: best(answer, call.request).map(({ index, score }) => ({
      index,
      relevance_score: score,
      ...(returnsDocuments === false ? {} : { document: { text: documents[index] } }),
    })),
  })
}

/** Writes the answer of Cohere's `/v2/rerank`, which has documents only if an older client requests them. */
export function writeCohereRerankAnswer(answer: RankingAnswer, call: WholeCall<RankingRequest>): string {
  const { documents, returnsDocuments } = call.request
  return JSON.stringify({
    id: call.newId('rerank'),
    results: best(answer, call.request).map(({ index, score }) => ({
      index,
      relevance_score: score,
      ...(returnsDocuments === true ? { document: { text: documents[index] } } : {}),
    })),
    meta: { api_version: { version: '2' }, tokens: { input_tokens: answer.usage.promptTokens } },
  })
}

/** Writes the bare list of Text Embeddings Inference. */
export function writeTextsRerankAnswer(answer: RankingAnswer, call: WholeCall<RankingRequest>): string {
  const { documents, returnsDocuments } = call.request
  return JSON.stringify(
    best(answer, call.request).map(({ index, score }) => ({
      index,
      score,
      ...(returnsDocuments === true ? { text: documents[index] } : {}),
    })),
  )
}

/** Writes the answer of vLLM's `/score`: one score for each pair, in their order. */
export function writeScoreAnswer(
  answer: RankingAnswer,
  call: WholeCall<RankingRequest>,
): string | AnswerFailure {
  const { documents } = call.request
  const { promptTokens } = answer.usage
  if (answer.scores.length !== documents.length) {
    return brokenAnswer(`The endpoint sent ${answer.scores.length} scores for ${documents.length} texts.`)
  }
  const data = answer.scores
    .toSorted((one, other) => one.index - other.index)
    .map(({ index, score }) => ({ index, object: 'score', score }))
  return JSON.stringify({
    id: call.newId('score'),
    object: 'list',
    created: Math.floor(call.nowMs() / 1000),
    model: answeredModel(answer.model, call),
    data,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens, completion_tokens: 0 },
  })
}

/** The results by relevance. Sorting keeps the endpoint's order of equal scores; older llama.cpp sorts nothing. */
function best({ scores }: RankingAnswer, { topN }: RankingRequest): readonly DocumentScore[] {
  return scores.toSorted((one, other) => other.score - one.score).slice(0, topN)
}
