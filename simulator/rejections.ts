export type RejectionKind =
  | 'unknown_path'
  | 'unknown_model'
  | 'unknown_response'
  | 'bad_request'
  | 'unauthorized'

/** A rejected request, before it is worded in the style of the backend type. */
export class Rejection extends Error {
  override readonly name = 'Rejection'
  readonly kind: RejectionKind

  /** @param subject the path with its method, the model, or what is wrong */
  constructor(kind: RejectionKind, subject: string) {
    super(subject)
    this.kind = kind
  }
}

export interface RejectionAnswer {
  readonly status: number
  /** A string is sent as plain text. */
  readonly body: unknown
}

type RejectionStyleName =
  | 'openai'
  | 'lmStudio'
  | 'ollama'
  | 'ollamaOpenAi'
  | 'vllm'
  | 'llamacpp'
  | 'litellm'
  | 'dockerModelRunner'
  | 'anthropic'

export type RejectionStyle = (rejection: Rejection) => RejectionAnswer

const statuses: Record<RejectionKind, number> = {
  unknown_path: 404,
  unknown_model: 404,
  unknown_response: 404,
  bad_request: 400,
  unauthorized: 401,
}

/** Error formats of the real servers; a gateway and its clients have to read all of these. */
export const rejectionStyles: Record<RejectionStyleName, RejectionStyle> = {
  openai: ({ kind, message }) => ({
    status: statuses[kind],
    body: openAiBody(
      {
        unknown_path: `Invalid URL (${message})`,
        unknown_model: `The model \`${message}\` does not exist or you do not have access to it.`,
        unknown_response: unknownResponse(message),
        bad_request: message,
        unauthorized: 'Incorrect API key provided.',
      }[kind],
      'invalid_request_error',
      {
        unknown_model: 'model_not_found',
        unknown_response: 'previous_response_not_found',
        unauthorized: 'invalid_api_key',
      }[String(kind)] ?? null,
    ),
  }),
  // LM Studio answers an unknown route with 200: lmstudio-bug-tracker #618 and #1323.
  lmStudio: (rejection) =>
    rejection.kind === 'unknown_path'
      ? { status: 200, body: { error: `Unexpected endpoint or method. (${rejection.message})` } }
      : rejectionStyles.openai(rejection),
  ollama: ({ kind, message }) => ({
    status: statuses[kind],
    body:
      kind === 'unknown_path'
        ? '404 page not found'
        : { error: kind === 'unknown_model' ? `model '${message}' not found` : message },
  }),
  /** Ollama's OpenAI routes. */
  ollamaOpenAi: (rejection) => {
    const { kind, message } = rejection
    if (kind === 'unknown_path') return rejectionStyles.ollama(rejection)
    const isModel = kind === 'unknown_model'
    const body = isModel
      ? openAiBody(`model '${message}' not found`, 'not_found_error', null)
      : openAiBody(message, 'invalid_request_error', null)
    return { status: statuses[kind], body }
  },
  vllm: ({ kind, message }) => {
    const status = statuses[kind]
    if (kind === 'unknown_path') return { status, body: { detail: 'Not Found' } }
    if (kind === 'unauthorized') return { status, body: { error: 'Unauthorized' } }
    const isModel = kind === 'unknown_model'
    const isResponse = kind === 'unknown_response'
    const text = isModel
      ? `The model \`${message}\` does not exist.`
      : isResponse
        ? unknownResponse(message)
        : message
    const type = isModel || isResponse ? 'NotFoundError' : 'BadRequestError'
    const param = isModel ? 'model' : isResponse ? 'response_id' : null
    return { status, body: { error: { message: text, type, param, code: status } } }
  },
  llamacpp: ({ kind, message }) => {
    const code = statuses[kind]
    const [text, type] = {
      unknown_path: ['File Not Found', 'not_found_error'],
      unknown_model: [`model '${message}' not found`, 'not_found_error'],
      unknown_response: [unknownResponse(message), 'not_found_error'],
      bad_request: [message, 'invalid_request_error'],
      unauthorized: ['Invalid API Key', 'authentication_error'],
    }[kind]
    return { status: code, body: { error: { code, message: text, type } } }
  },
  litellm: ({ kind, message }) => {
    if (kind === 'unknown_path') return { status: 404, body: { detail: 'Not Found' } }
    // LiteLLM has no 404 for models: the name is an invalid argument there.
    const status = kind === 'unauthorized' ? 401 : kind === 'unknown_response' ? 404 : 400
    const text =
      kind === 'unknown_model'
        ? `Invalid model name passed in model=${message}.`
        : kind === 'unknown_response'
          ? unknownResponse(message)
          : message
    return {
      status,
      body: openAiBody(
        text,
        kind === 'unauthorized' ? 'auth_error' : 'invalid_request_error',
        String(status),
      ),
    }
  },
  dockerModelRunner: ({ kind, message }) => ({
    status: statuses[kind],
    body:
      kind === 'unknown_path'
        ? 'not found'
        : kind === 'unknown_model'
          ? `model not found: ${message}`
          : message,
  }),
  anthropic: ({ kind, message }) => ({
    status: statuses[kind],
    body: {
      type: 'error',
      error: {
        type: {
          unknown_path: 'not_found_error',
          unknown_model: 'not_found_error',
          unknown_response: 'not_found_error',
          bad_request: 'invalid_request_error',
          unauthorized: 'authentication_error',
        }[kind],
        message: kind === 'unknown_model' ? `model: ${message}` : message,
      },
    },
  }),
}

function unknownResponse(id: string): string {
  return `Response with id '${id}' not found.`
}

function openAiBody(message: string, type: string, code: string | null) {
  const param =
    { model_not_found: 'model', previous_response_not_found: 'previous_response_id' }[String(code)] ?? null
  return { error: { message, type, param, code } }
}
