import type { RankingFormat } from '../../hub/exchange/exchange-format.ts'
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

/** Jina, vLLM, llama.cpp, SGLang and LiteLLM. */
export const rerankFormat: RankingFormat = {
  name: 'rerank',
  family: 'ranking',
  path: '/v1/rerank',
  otherPaths: ['/rerank', '/v1/reranking', '/reranking'],
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
  otherPaths: ['/v1/rerank', '/v2/rerank', '/v1/reranking', '/reranking'],
  matches: ({ texts, documents }) => texts !== undefined && documents === undefined,
  // llama.cpp has it on the paths of the others, and reads `documents` as well.
  isForClientsOnly: true,
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
  otherPaths: ['/v1/score'],
  fields: scoreFields,
  fates: scoreFates,
  readRequest: readScoreRequest,
  writeRequest: writeScoreRequest,
  readAnswer: readRanking,
  writeAnswer: writeScoreAnswer,
}

/** Best first. */
export const rankingFormats: readonly RankingFormat[] = [
  rerankFormat,
  cohereRerankFormat,
  scoreFormat,
  textsRerankFormat,
]
