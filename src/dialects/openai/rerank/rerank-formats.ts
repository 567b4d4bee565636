import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { RankingAnswer, RankingRequest } from '../../hub/contract/ranking.ts'
import type { WholeFormat } from '../../hub/exchange/exchange-format.ts'
import { readRanking } from './read-answer.ts'
import { readRerankRequest, readTextsRerankRequest, rerankFields, textsRerankFields } from './read-request.ts'
import { readScoreRequest, scoreFields } from './read-score-request.ts'
import {
  writeCohereRerankAnswer,
  writeRerankAnswer,
  writeScoreAnswer,
  writeTextsRerankAnswer,
} from './write-answer.ts'
import {
  cohereRerankFates,
  rerankFates,
  scoreFates,
  textsRerankFates,
  writeCohereRerankRequest,
  writeRerankRequest,
  writeScoreRequest,
  writeTextsRerankRequest,
} from './write-request.ts'

type RankingFormat = WholeFormat<RankingRequest, RankingAnswer>

/** Jina, vLLM, llama.cpp, SGLang and LiteLLM. */
export const rerankFormat: RankingFormat = {
  name: 'rerank',
  family: 'ranking',
  path: '/v1/rerank',
  fields: rerankFields,
  fates: rerankFates,
  readRequest: readRerankRequest,
  writeRequest: writeRerankRequest,
  readAnswer: readRanking,
  writeAnswer: writeRerankAnswer,
}

/** Cohere's second API; vLLM has its path too. */
export const cohereRerankFormat: RankingFormat = {
  name: 'cohere-rerank',
  family: 'ranking',
  path: '/v2/rerank',
  fields: rerankFields,
  fates: cohereRerankFates,
  readRequest: readRerankRequest,
  writeRequest: writeCohereRerankRequest,
  readAnswer: readRanking,
  writeAnswer: writeCohereRerankAnswer,
}

/** Text Embeddings Inference, and llama.cpp if a request has `texts`. */
export const textsRerankFormat: RankingFormat = {
  name: 'texts-rerank',
  family: 'ranking',
  path: '/rerank',
  fields: textsRerankFields,
  fates: textsRerankFates,
  readRequest: readTextsRerankRequest,
  writeRequest: writeTextsRerankRequest,
  readAnswer: readRanking,
  writeAnswer: writeTextsRerankAnswer,
}

/** vLLM. */
export const scoreFormat: RankingFormat = {
  name: 'score',
  family: 'ranking',
  path: '/score',
  fields: scoreFields,
  fates: scoreFates,
  readRequest: readScoreRequest,
  writeRequest: writeScoreRequest,
  readAnswer: readRanking,
  writeAnswer: writeScoreAnswer,
}

/**
 * The format of a client's request, which its path alone does not determine.
 * @param path below the gateway's own prefix
 */
export function rankingFormatOf(path: string, request: JsonObject): RankingFormat {
  if (path.endsWith('/score')) return scoreFormat
  if (request.texts !== undefined && request.documents === undefined) return textsRerankFormat
  return path.endsWith('/v2/rerank') ? cohereRerankFormat : rerankFormat
}
