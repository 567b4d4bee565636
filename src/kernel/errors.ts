/** The API whose error shape a client understands. */
export type Dialect = 'openai' | 'anthropic' | 'ollama'

interface ErrorRow {
  readonly status: number
  /** `error.type` of the OpenAI API. */
  readonly openaiType: string
  /** `error.type` of the Anthropic API. */
  readonly anthropicType: string
  /** What a client is told unless the error says it more precisely. */
  readonly message: string
}

/** Every error that the gateway can answer with. The key is the OpenAI dialect's `error.code`. */
export const errorTable = {
  invalid_request: {
    status: 400,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The request is not valid.',
  },
  invalid_json: {
    status: 400,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The request body is not valid JSON.',
  },
  invalid_path: {
    status: 400,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The path leaves the API it was addressed to.',
  },
  unknown_provider: {
    status: 400,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'Unknown provider type.',
  },
  unauthorized: {
    status: 401,
    openaiType: 'authentication_error',
    anthropicType: 'authentication_error',
    message: 'Who is calling could not be established.',
  },
  forbidden: {
    status: 403,
    openaiType: 'permission_error',
    anthropicType: 'permission_error',
    message: 'Not allowed.',
  },
  not_found: {
    status: 404,
    openaiType: 'not_found_error',
    anthropicType: 'not_found_error',
    message: 'There is nothing at this path.',
  },
  model_not_found: {
    status: 404,
    openaiType: 'invalid_request_error',
    anthropicType: 'not_found_error',
    message: 'No endpoint has this model.',
  },
  // Not 501: clients repeat what failed with a status from 500 on, and this one fails again.
  path_not_served: {
    status: 404,
    openaiType: 'invalid_request_error',
    anthropicType: 'not_found_error',
    message: 'No endpoint that could serve the request has this path.',
  },
  no_endpoints: {
    status: 404,
    openaiType: 'invalid_request_error',
    anthropicType: 'not_found_error',
    message: 'No endpoint of this kind is available.',
  },
  method_not_allowed: {
    status: 405,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The method is not allowed.',
  },
  request_timeout: {
    status: 408,
    openaiType: 'timeout_error',
    anthropicType: 'timeout_error',
    message: 'The request did not arrive in time.',
  },
  conflict: {
    status: 409,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The request does not fit the state of what it is about.',
  },
  payload_too_large: {
    status: 413,
    openaiType: 'invalid_request_error',
    anthropicType: 'request_too_large',
    message: 'Request body too large',
  },
  unsupported_media_type: {
    status: 415,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The content type or encoding is not supported.',
  },
  rate_limited: {
    status: 429,
    openaiType: 'rate_limit_error',
    anthropicType: 'rate_limit_error',
    message: 'Too Many Requests',
  },
  headers_too_large: {
    status: 431,
    openaiType: 'invalid_request_error',
    anthropicType: 'request_too_large',
    message: 'Request headers too large',
  },
  client_closed: {
    status: 499,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The client closed the connection.',
  },
  // As google.rpc.Code maps CANCELLED: clients do not repeat what was ended on purpose.
  cancelled: {
    status: 499,
    openaiType: 'server_error',
    anthropicType: 'api_error',
    message: 'The request was cancelled by an operator of the gateway.',
  },
  internal: {
    status: 500,
    openaiType: 'server_error',
    anthropicType: 'api_error',
    message: 'The gateway failed to handle the request.',
  },
  not_supported: {
    status: 501,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The gateway does not support this operation.',
  },
  upstream_failed: {
    status: 502,
    openaiType: 'server_error',
    anthropicType: 'api_error',
    message: 'No endpoint could answer the request.',
  },
  upstream_broken: {
    status: 502,
    openaiType: 'server_error',
    anthropicType: 'api_error',
    message: 'The endpoint broke off its answer.',
  },
  no_healthy_endpoints: {
    status: 503,
    openaiType: 'server_error',
    anthropicType: 'overloaded_error',
    message: 'no healthy endpoints available',
  },
  model_unavailable: {
    status: 503,
    openaiType: 'server_error',
    anthropicType: 'overloaded_error',
    message: 'No endpoint that has this model is available now.',
  },
  at_capacity: {
    status: 503,
    openaiType: 'server_error',
    anthropicType: 'overloaded_error',
    message: 'All suitable endpoints are at their limit of concurrent requests.',
  },
  out_of_resources: {
    status: 503,
    openaiType: 'server_error',
    anthropicType: 'overloaded_error',
    message: 'The gateway has run out of file descriptors, memory or disk space.',
  },
  memory_busy: {
    status: 503,
    openaiType: 'server_error',
    anthropicType: 'overloaded_error',
    message: 'The gateway holds as many bytes of other requests as it may; try again later.',
  },
  draining: {
    status: 503,
    openaiType: 'server_error',
    anthropicType: 'overloaded_error',
    message: 'The gateway is shutting down.',
  },
  upstream_timeout: {
    status: 504,
    openaiType: 'timeout_error',
    anthropicType: 'timeout_error',
    message: 'No endpoint answered in time.',
  },
  http_version_not_supported: {
    status: 505,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The gateway speaks HTTP/1.0 and HTTP/1.1 only.',
  },
  // RFC 5842 section 7.2; a request that has come back is refused at its first repetition.
  loop_detected: {
    status: 508,
    openaiType: 'invalid_request_error',
    anthropicType: 'invalid_request_error',
    message: 'The request has passed this gateway before: an endpoint leads back to it.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

export interface GatewayErrorOptions {
  /** Seconds, for `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined
  /** What went wrong underneath; logged, never sent. */
  readonly cause?: unknown
  /** What was tried before giving up, one text per attempt; shown to the client. */
  readonly attempts?: readonly string[] | undefined
  /** What clients of the Anthropic API read by themselves: `error.details`. */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** Headers that the status calls for, as flat name/value pairs. */
  readonly headers?: readonly string[] | undefined
}

const noHeaders: readonly string[] = []

/** An error that a client may see: `message` is written for it and holds nothing secret. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly statusCode: number
  readonly retryAfterSeconds: number | undefined
  readonly attempts: readonly string[]
  readonly details: Readonly<Record<string, unknown>> | undefined
  readonly headers: readonly string[]

  constructor(code: ErrorCode, message?: string, options: GatewayErrorOptions = {}) {
    super(
      message ?? errorTable[code].message,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.statusCode = errorTable[code].status
    this.retryAfterSeconds = options.retryAfterSeconds
    this.attempts = options.attempts ?? []
    this.details = options.details
    this.headers = options.headers ?? noHeaders
  }
}

/** The JSON body of an error in a client's dialect. */
export function errorBody(
  dialect: Dialect,
  error: Pick<GatewayError, 'code' | 'message'> & Partial<Pick<GatewayError, 'attempts' | 'details'>>,
  requestId: string,
): Record<string, unknown> {
  const row = errorTable[error.code]
  switch (dialect) {
    case 'openai':
      return {
        error: {
          message: error.message,
          type: row.openaiType,
          param: null,
          code: error.code,
          request_id: requestId,
          ...(error.attempts !== undefined && error.attempts.length > 0 ? { attempts: error.attempts } : {}),
        },
      }
    case 'anthropic':
      return {
        type: 'error',
        error: {
          type: row.anthropicType,
          message: error.message,
          ...(error.details === undefined ? {} : { details: error.details }),
        },
        request_id: requestId,
      }
    case 'ollama':
      return { error: error.message, request_id: requestId }
  }
}

/** The error event of the Responses API (OpenAI's OpenAPI document, `ResponseErrorEvent`). */
function responsesErrorEvent(
  { code, message }: { code: ErrorCode; message: string },
  sequence: number,
): string {
  const body = JSON.stringify({ type: 'error', code, message, param: null, sequence_number: sequence })
  return `event: error\ndata: ${body}\n\n`
}

/**
 * The last bytes of a stream that broke: an error event as the dialect's clients expect it.
 * @param sequence number of the event in a stream of the Responses API; undefined in others
 */
export function errorEvent(
  dialect: Dialect,
  format: 'sse' | 'ndjson',
  error: { code: ErrorCode; message: string },
  requestId: string,
  sequence?: number,
): string {
  if (sequence !== undefined && format === 'sse') return responsesErrorEvent(error, sequence)
  const body = JSON.stringify(errorBody(dialect, error, requestId))
  if (format === 'ndjson') return `${body}\n`
  return dialect === 'anthropic' ? `event: error\ndata: ${body}\n\n` : `data: ${body}\n\n`
}
