import type { ErrorType } from '../../../kernel/errors.ts'

/** The API's types for the gateway's own errors. */
export const errorTypeNames: Readonly<Record<ErrorType, string>> = {
  invalid_request: 'invalid_request_error',
  authentication: 'authentication_error',
  permission: 'permission_error',
  not_found: 'not_found_error',
  unserved: 'not_found_error',
  too_large: 'request_too_large',
  rate_limit: 'rate_limit_error',
  quota: 'rate_limit_error',
  timeout: 'timeout_error',
  server: 'api_error',
  overloaded: 'overloaded_error',
}

const typeByStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** The type of an endpoint's error by its status. Other statuses follow their class. */
export function errorTypeOf(statusCode: number): string {
  return typeByStatus[statusCode] ?? (statusCode < 500 ? 'invalid_request_error' : 'api_error')
}

/** Every type that the API defines for an endpoint's error. */
export const knownErrorTypes: ReadonlySet<string> = new Set([...Object.values(typeByStatus), 'api_error'])
