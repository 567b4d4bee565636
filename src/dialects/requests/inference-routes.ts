import { RoutePatterns } from './route-pattern.ts'

/**
 * Operations for which an endpoint is there: models, answers, and what OpenAI's clients keep at their server. With
 * these, and with no others, go the endpoint's credentials.
 */
const inference = new RoutePatterns([
  ...[
    'chat/completions',
    'completions',
    'completion',
    'fim/completions',
    'chat',
    'generate',
    'generate_stream',
  ],
  ...['responses', 'responses/**', 'messages', 'messages/count_tokens', 'messages/batches/**', 'infill'],
  ...['embeddings', 'embedding', 'embed', 'encode', 'pooling', 'score', 'classify', 'similarity', 'predict'],
  ...['rerank', 'reranking', 'rank', 'moderations', 'ocr', 'batch', 'extend', 'chat/completions/vision'],
  ...['audio/**', 'images/**', 'videos', 'videos/**', 'invocations'],
  ...['tokenize', 'detokenize', 'apply-template', 'count_tokens', 'utils/token_counter', 'chat_template'],
  ...['api/tags', 'api/ps', 'api/show', 'api/version'],
  ...['files', 'files/**', 'uploads/**', 'batches', 'batches/**', 'vector_stores', 'vector_stores/**'],
  ...[
    'assistants',
    'assistants/**',
    'threads',
    'threads/**',
    'conversations',
    'conversations/**',
    'containers/**',
  ],
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
