import { type AnswerForm, answerForm } from '../contract/answer-form.ts'
import { openaiContentKeys } from './chat.ts'
import { audioUsage, openaiUsage } from './usage.ts'

export const embeddings: AnswerForm = answerForm({
  name: 'embeddings',
  owns: (path) => path.endsWith('/embeddings'),
  operations: { '/embeddings': 'embeddings' },
  usage: openaiUsage,
  contentKeys: openaiContentKeys,
  results: { data: 'list', embeddings: 'list', embedding: 'list' },
})

/** Jina, Cohere and vLLM: not part of OpenAI's API, but most servers have it. */
export const rerank: AnswerForm = answerForm({
  name: 'rerank',
  owns: (path) => /\/(?:rerank|reranking|score)$/.test(path),
  usage: openaiUsage,
  contentKeys: openaiContentKeys,
  results: { results: 'list', data: 'list' },
})

/** llama.cpp's native API. */
export const nativeCompletion: AnswerForm = answerForm({
  name: 'native_completion',
  owns: (path) => /\/(?:completion|infill)$/.test(path),
  operations: { '/completion': 'text_completion' },
  usage: openaiUsage,
  contentKeys: openaiContentKeys,
})

/**
 * Audio to text, in the audio's language or in English. Owns no path: an empty text is the answer to silence, and
 * whisper.cpp labels plain text as `text/html`, so no answer can be judged by its beginning.
 */
export const transcription: AnswerForm = answerForm({
  name: 'transcription',
  owns: () => false,
  usage: audioUsage,
  contentKeys: ['delta'],
})
