import { dialects } from '../all.ts'
import { RoutePatterns } from './route-pattern.ts'

/**
 * Operations for which an endpoint is there: models, answers, and what clients keep at their server. With these, and
 * with no others, go the endpoint's credentials.
 */
const inference = new RoutePatterns([
  ...dialects.flatMap(({ paths }) => paths.inference),
  // Of servers, beside the APIs.
  ...['completion', 'fim/completions', 'generate_stream', 'infill', 'chat/completions/vision', 'invocations'],
  ...['embedding', 'encode', 'pooling', 'score', 'classify', 'similarity', 'predict'],
  ...['rerank', 'reranking', 'rank', 'ocr', 'batch', 'extend'],
  ...['tokenize', 'detokenize', 'apply-template', 'count_tokens', 'utils/token_counter', 'chat_template'],
])

const customMethod =
  /:(?:stream)?generate(?:content|answer)$|:(?:counttokens|embedcontent|batchembedcontents|predict)$/

/** @param segments of a canonical path */
export function isInference(segments: readonly string[]): boolean {
  return inference.matches(segments) || customMethod.test(segments.at(-1) ?? '')
}

/** A list of models, or one of them: harmless where it is only read. */
export function isModelList(segments: readonly string[]): boolean {
  return segments.at(-1) === 'models' || segments.slice(-4, -1).includes('models')
}

/** What a server tells of itself: it needs no credentials, and costs or tells too much with them. */
const status = /health|metrics|^version$|stats|info|status|sleeping|^props$|^slots$|^logs?$/

/** Whether a path that a profile lists is one of a server's own figures. */
export function isStatus(segments: readonly string[]): boolean {
  return segments.some((segment) => status.test(segment))
}
