import { dialects } from '../all.ts'
import { RoutePatterns } from './route-pattern.ts'

/**
 * Operations that serve clients: model lists, inference, and objects that clients store on their server. Only these
 * requests carry the endpoint's credentials.
 */
const inference = new RoutePatterns([
  ...dialects.flatMap(({ paths }) => paths.inference),
  // Routes of inference servers outside the APIs.
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

/** A list of models, or one model. Reading it is harmless. */
export function isModelList(segments: readonly string[]): boolean {
  return segments.at(-1) === 'models' || segments.slice(-4, -1).includes('models')
}

/**
 * Routes on which a server reports its own state. They need no credentials, and with credentials they cost or reveal
 * too much.
 */
const status = /health|metrics|^version$|stats|info|status|sleeping|^props$|^slots$|^logs?$/

/** Whether a path that a profile lists reports the server's own state. */
export function isStatus(segments: readonly string[]): boolean {
  return segments.some((segment) => status.test(segment))
}
