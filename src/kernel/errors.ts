/** What kind of error it is, whatever an API calls it. */
export const errorTypes = [
  'invalid_request',
  'authentication',
  'permission',
  /** The gateway has no such path. */
  'not_found',
  /** No endpoint has what was asked for. */
  'unserved',
  'too_large',
  'rate_limit',
  /** A budget is used up; waiting for a while does not help. */
  'quota',
  'timeout',
  'server',
  'overloaded',
] as const
export type ErrorType = (typeof errorTypes)[number]

interface ErrorRow {
  readonly status: number
  readonly type: ErrorType
  /** What a client reads unless the error says it more precisely. */
  readonly message: string
}

/** Every error that the gateway can answer with, by its code. How a client reads it is its dialect's. */
export const errorTable = {
  invalid_request: {
    status: 400,
    type: 'invalid_request',
    message: 'The request is not valid.',
  },
  invalid_json: {
    status: 400,
    type: 'invalid_request',
    message: 'The request body is not valid JSON.',
  },
  invalid_path: {
    status: 400,
    type: 'invalid_request',
    message: 'The path escapes the base path of the API.',
  },
  unknown_provider: {
    status: 400,
    type: 'invalid_request',
    message: 'Unknown provider type.',
  },
  unauthorized: {
    status: 401,
    type: 'authentication',
    message: 'The caller could not be identified.',
  },
  invalid_api_key: {
    status: 401,
    type: 'authentication',
    message: 'The API key is missing or not valid.',
  },
  invalid_token: {
    status: 401,
    type: 'authentication',
    message: 'The token is not valid.',
  },
  forbidden: {
    status: 403,
    type: 'permission',
    message: 'Not allowed.',
  },
  model_not_allowed: {
    status: 403,
    type: 'permission',
    message: 'The API key may not use this model.',
  },
  not_found: {
    status: 404,
    type: 'not_found',
    message: 'The gateway has no such path.',
  },
  model_not_found: {
    status: 404,
    type: 'unserved',
    message: 'No endpoint has this model.',
  },
  // Not 501: clients repeat what failed with a status from 500 on, and this one fails again.
  path_not_served: {
    status: 404,
    type: 'unserved',
    message: 'No suitable endpoint has this path.',
  },
  no_endpoints: {
    status: 404,
    type: 'unserved',
    message: 'No endpoint of this type is available.',
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request',
    message: 'The method is not allowed.',
  },
  request_timeout: {
    status: 408,
    type: 'timeout',
    message: 'The request did not arrive in time.',
  },
  conflict: {
    status: 409,
    type: 'invalid_request',
    message: 'The request conflicts with the state of its target.',
  },
  precondition_failed: {
    status: 412,
    type: 'invalid_request',
    message: 'The target has changed in the meantime.',
  },
  payload_too_large: {
    status: 413,
    type: 'too_large',
    message: 'Request body too large',
  },
  unsupported_media_type: {
    status: 415,
    type: 'invalid_request',
    message: 'The content type or encoding is not supported.',
  },
  operation_not_supported: {
    status: 422,
    type: 'invalid_request',
    message: 'The endpoint cannot do this.',
  },
  rate_limited: {
    status: 429,
    type: 'rate_limit',
    message: 'Too Many Requests',
  },
  // The two codes that OpenAI's clients know.
  rate_limit_exceeded: {
    status: 429,
    type: 'rate_limit',
    message: 'A limit of the API key is reached.',
  },
  insufficient_quota: {
    status: 429,
    type: 'quota',
    message: 'A budget of the API key is used up.',
  },
  headers_too_large: {
    status: 431,
    type: 'too_large',
    message: 'Request headers too large',
  },
  client_closed: {
    status: 499,
    type: 'invalid_request',
    message: 'The client closed the connection.',
  },
  // As google.rpc.Code maps CANCELLED: clients do not repeat what was ended on purpose.
  cancelled: {
    status: 499,
    type: 'server',
    message: 'The request was cancelled by an operator of the gateway.',
  },
  internal: {
    status: 500,
    type: 'server',
    message: 'The gateway failed to handle the request.',
  },
  not_supported: {
    status: 501,
    type: 'invalid_request',
    message: 'The gateway does not support this operation.',
  },
  upstream_failed: {
    status: 502,
    type: 'server',
    message: 'No endpoint could answer the request.',
  },
  upstream_broken: {
    status: 502,
    type: 'server',
    message: 'The endpoint did not complete its answer.',
  },
  no_healthy_endpoints: {
    status: 503,
    type: 'overloaded',
    message: 'no healthy endpoints available',
  },
  model_unavailable: {
    status: 503,
    type: 'overloaded',
    message: 'No endpoint that has this model is available now.',
  },
  at_capacity: {
    status: 503,
    type: 'overloaded',
    message: 'All suitable endpoints are at their limit of concurrent requests.',
  },
  out_of_resources: {
    status: 503,
    type: 'overloaded',
    message: 'The gateway has run out of file descriptors, memory or disk space.',
  },
  memory_busy: {
    status: 503,
    type: 'overloaded',
    message: 'The gateway has reached its memory limit for request bodies; try again later.',
  },
  overloaded: {
    status: 503,
    type: 'overloaded',
    message: 'The gateway is overloaded; try again later.',
  },
  callers_unavailable: {
    status: 503,
    type: 'overloaded',
    message: 'The API key cannot be verified now.',
  },
  draining: {
    status: 503,
    type: 'overloaded',
    message: 'The gateway is shutting down.',
  },
  upstream_timeout: {
    status: 504,
    type: 'timeout',
    message: 'No endpoint answered in time.',
  },
  http_version_not_supported: {
    status: 505,
    type: 'invalid_request',
    message: 'The gateway supports HTTP/1.0 and HTTP/1.1 only.',
  },
  // RFC 5842 section 7.2; a request that has come back is refused at its first repetition.
  loop_detected: {
    status: 508,
    type: 'invalid_request',
    message: 'The request has already passed through this gateway: an endpoint leads back to it.',
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
  /** For programs, where the client's dialect has a place for it (Anthropic's `error.details`). */
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** The model that the client named, for dialects whose clients look for it in the message. */
  readonly model?: string | undefined
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
  readonly model: string | undefined
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
    this.model = options.model
    this.headers = options.headers ?? noHeaders
  }
}
