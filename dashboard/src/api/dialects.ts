/** The APIs that the playground can use, as their own clients do. */
import {
  type AnswerReader,
  readChat,
  readCompletion,
  readMessage,
  readOllama,
  readResponse,
} from './answer-readers.ts'

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface ChatRequest {
  readonly model: string
  readonly messages: readonly ChatMessage[]
  readonly temperature: number | undefined
  readonly maxTokens: number | undefined
  readonly isStream: boolean
}

export interface PlaygroundApi {
  readonly id: string
  readonly title: string
  readonly path: string
  /** Whether a stream consists of lines of JSON instead of server-sent events. */
  readonly hasLines: boolean
  /** The headers of an API key, as the API's own clients send it. */
  readonly keyHeaders: (key: string) => Readonly<Record<string, string>>
  readonly body: (chat: ChatRequest) => object
  /** Reads an event, a line or a whole answer. */
  readonly read: AnswerReader
}

/** The Messages API requires a limit. */
const requiredTokens = 1_024

const systemOf = ({ messages }: ChatRequest) => messages.find(({ role }) => role === 'system')?.content
const spoken = ({ messages }: ChatRequest) => messages.filter(({ role }) => role !== 'system')
const promptOf = ({ messages }: ChatRequest) => messages.at(-1)?.content ?? ''

/** Leaves out what is undefined. */
const optionsOf = ({ temperature, maxTokens }: ChatRequest) => ({ temperature, num_predict: maxTokens })

const bearer: PlaygroundApi['keyHeaders'] = (key) => ({ Authorization: `Bearer ${key}` })

const chat: PlaygroundApi = {
  id: 'chat',
  title: 'Chat Completions',
  path: 'v1/chat/completions',
  hasLines: false,
  keyHeaders: bearer,
  body: ({ model, messages, temperature, maxTokens, isStream }) => ({
    model,
    messages,
    stream: isStream,
    ...(isStream ? { stream_options: { include_usage: true } } : {}),
    temperature,
    max_tokens: maxTokens,
  }),
  read: readChat,
}

export const playgroundApis: readonly PlaygroundApi[] = [
  chat,
  {
    id: 'completions',
    title: 'Completions',
    path: 'v1/completions',
    hasLines: false,
    keyHeaders: bearer,
    body: (request) => ({
      model: request.model,
      prompt: promptOf(request),
      stream: request.isStream,
      ...(request.isStream ? { stream_options: { include_usage: true } } : {}),
      temperature: request.temperature,
      max_tokens: request.maxTokens,
    }),
    read: readCompletion,
  },
  {
    id: 'responses',
    title: 'Responses',
    path: 'v1/responses',
    hasLines: false,
    keyHeaders: bearer,
    body: (request) => ({
      model: request.model,
      instructions: systemOf(request),
      input: spoken(request),
      stream: request.isStream,
      store: false,
      temperature: request.temperature,
      max_output_tokens: request.maxTokens,
    }),
    read: readResponse,
  },
  {
    id: 'messages',
    title: 'Messages',
    path: 'v1/messages',
    hasLines: false,
    keyHeaders: (key) => ({ 'x-api-key': key }),
    body: (request) => ({
      model: request.model,
      system: systemOf(request),
      messages: spoken(request),
      stream: request.isStream,
      temperature: request.temperature,
      max_tokens: request.maxTokens ?? requiredTokens,
    }),
    read: readMessage,
  },
  {
    id: 'ollama-chat',
    title: 'Ollama chat',
    path: 'api/chat',
    hasLines: true,
    keyHeaders: bearer,
    body: (request) => ({
      model: request.model,
      messages: request.messages,
      stream: request.isStream,
      options: optionsOf(request),
    }),
    read: readOllama,
  },
  {
    id: 'ollama-generate',
    title: 'Ollama generate',
    path: 'api/generate',
    hasLines: true,
    keyHeaders: bearer,
    body: (request) => ({
      model: request.model,
      system: systemOf(request),
      prompt: promptOf(request),
      stream: request.isStream,
      options: optionsOf(request),
    }),
    read: readOllama,
  },
]

export function playgroundApi(id: string): PlaygroundApi {
  return playgroundApis.find((api) => api.id === id) ?? chat
}
