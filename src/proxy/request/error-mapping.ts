import { type ErrorCode, GatewayError } from '../../kernel/errors.ts'

/** Errors of Fastify and of Node's HTTP parser, by code. */
const known: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_INVALID_TYPE: 'unsupported_media_type',
  FST_ERR_NOT_FOUND: 'not_found',
  FST_ERR_BAD_URL: 'invalid_path',
  FST_ERR_MAX_PARAM_LENGTH: 'invalid_path',
  FST_ERR_VALIDATION: 'invalid_request',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  ECONNRESET: 'client_closed',
  ERR_STREAM_PREMATURE_CLOSE: 'client_closed',
}

/** The process or the machine ran out of a resource: descriptors, memory, disk space for a large upload. */
const shortages: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ENOSPC', 'EDQUOT'])

const refusals: Readonly<Record<number, ErrorCode>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  413: 'payload_too_large',
  429: 'rate_limited',
}

/** Maps any error to one that is safe to show to a client: an unknown error becomes `internal`, without its message. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (typeof error !== 'object' || error === null)
    return new GatewayError('internal', undefined, { cause: error })
  if ('code' in error && shortages.has(error.code))
    return new GatewayError('out_of_resources', undefined, { cause: error, retryAfterSeconds: 1 })
  const code = 'code' in error && typeof error.code === 'string' ? known[error.code] : undefined
  if (code !== undefined) return new GatewayError(code, undefined, { cause: error })
  // A host's own refusal (authentication, limits) keeps its meaning, in the dialect of the API that was called.
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
  const refusal = refusals[status]
  if (refusal !== undefined) return new GatewayError(refusal, undefined, { cause: error })
  if (status >= 400 && status < 500) return new GatewayError('invalid_request', undefined, { cause: error })
  return new GatewayError('internal', undefined, { cause: error })
}
