import { Remembered } from '../../kernel/remembered.ts'

/** What a model is asked for, as far as the form of the answer depends on it. */
export type AnswerOperation =
  | 'chat'
  | 'completions'
  | 'responses'
  | 'messages'
  | 'ollama'
  | 'embeddings'
  | 'rerank'
  /** Of llama.cpp: `/completion`, `/infill`. */
  | 'native_completion'

const remembered = new Remembered<AnswerOperation | 'unknown'>()

/**
 * The operation of a POST request, whatever the path is mounted below.
 * @param path as the endpoint sees it, without a query
 * @returns undefined where the form of the answer is not known
 */
export function answerOperation(method: string, path: string): AnswerOperation | undefined {
  if (method !== 'POST') return undefined
  const found = remembered.get(path)
  if (found !== undefined) return found === 'unknown' ? undefined : found
  const operation = operationOfPath(path)
  remembered.set(path, operation ?? 'unknown')
  return operation
}

function operationOfPath(path: string): AnswerOperation | undefined {
  switch (path.slice(path.lastIndexOf('/') + 1)) {
    case 'completions':
      return path.endsWith('/chat/completions') ? 'chat' : 'completions'
    case 'responses':
      return 'responses'
    case 'messages':
      // Of a thread they are stored objects.
      return path.endsWith('/v1/messages') || path === '/messages' ? 'messages' : undefined
    case 'chat':
    case 'generate':
    case 'embed':
      return path.endsWith('/api/chat') || path.endsWith('/api/generate') || path.endsWith('/api/embed')
        ? 'ollama'
        : undefined
    case 'embeddings':
      return path.endsWith('/api/embeddings') ? 'ollama' : 'embeddings'
    case 'rerank':
    case 'reranking':
    case 'score':
      return 'rerank'
    case 'completion':
    case 'infill':
      return 'native_completion'
    default:
      return undefined
  }
}
