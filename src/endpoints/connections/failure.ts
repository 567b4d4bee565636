import { Http1Error } from '../../http/client/errors.ts'
import { protocolOf } from '../../http/client/first-bytes.ts'
import { missingResource } from './own-resources.ts'

/**
 * Why an attempt failed.
 *
 * - `refused`, `unreachable`, `dns`, `tls`, `connect_timeout`: no connection, the request was never sent
 * - `reset`, `closed`: the connection ended before the answer did
 * - `first_byte_timeout`, `idle_timeout`, `total_timeout`: the answer did not arrive in time
 * - `status`: answered with a status that causes failover
 * - `bad_answer`: answered 2xx, but with an error or an HTML page instead of the requested content
 * - `path_missing`: the endpoint does not have the path
 * - `protocol`: the answer is not HTTP
 * - `stale`: a kept-alive connection had closed before the request reached the endpoint
 * - `shortage`: the gateway has no descriptor, port or memory left for a connection
 */
export type FailureKind =
  | 'refused'
  | 'unreachable'
  | 'dns'
  | 'tls'
  | 'connect_timeout'
  | 'reset'
  | 'closed'
  | 'first_byte_timeout'
  | 'idle_timeout'
  | 'total_timeout'
  | 'status'
  | 'bad_answer'
  | 'path_missing'
  | 'protocol'
  | 'stale'
  | 'shortage'

export interface AttemptFailure {
  readonly kind: FailureKind
  /** For `status` and `path_missing`; for `bad_answer`, the code inside the answer if there is one. */
  readonly statusCode?: number | undefined
  /**
   * For `bad_answer`: its message; for `tls` and `protocol`: the protocol that the endpoint seems to use; for
   * `shortage`: the missing resource. Safe to display.
   */
  readonly detail?: string | undefined
  /** Milliseconds, from the answer's `Retry-After`. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** Whether the request cannot have reached the endpoint, so that a failover repeats no work. */
export function neverSent(kind: FailureKind): boolean {
  return (
    kind === 'refused' ||
    kind === 'unreachable' ||
    kind === 'dns' ||
    kind === 'tls' ||
    kind === 'connect_timeout' ||
    kind === 'shortage'
  )
}

export function isTimeout({ kind }: AttemptFailure): boolean {
  return (
    kind === 'first_byte_timeout' ||
    kind === 'idle_timeout' ||
    kind === 'total_timeout' ||
    kind === 'connect_timeout'
  )
}

/** Describes a failure for clients and logs, without addresses or raw error text. */
export function describeFailure(failure: AttemptFailure): string {
  switch (failure.kind) {
    case 'refused':
      return 'connection refused'
    case 'unreachable':
      return 'host unreachable'
    case 'dns':
      return 'host name not found'
    case 'tls':
      return withDetail('TLS handshake failed', failure.detail)
    case 'connect_timeout':
      return 'connect timeout'
    case 'reset':
      return 'connection reset'
    case 'closed':
      return 'connection closed before the answer was complete'
    case 'first_byte_timeout':
      return 'no first byte in time'
    case 'idle_timeout':
      return 'stalled'
    case 'total_timeout':
      return 'total time limit'
    case 'status':
      return `status ${failure.statusCode ?? 0}`
    case 'bad_answer':
      return failure.detail === undefined ? 'not a valid answer' : `not a valid answer: ${failure.detail}`
    case 'path_missing':
      return failure.detail ?? 'the endpoint does not have this path'
    case 'protocol':
      return withDetail('invalid HTTP response', failure.detail)
    case 'stale':
      return 'a kept connection had been closed'
    case 'shortage':
      return `the gateway is out of ${failure.detail ?? 'resources'}`
  }
}

function withDetail(reason: string, detail: string | undefined): string {
  return detail === undefined ? reason : `${reason} (${detail})`
}

const kindByCode: Readonly<Record<string, FailureKind>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNABORTED: 'reset',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ETIMEDOUT: 'connect_timeout',
  ERR_HTTP1_CLOSED: 'closed',
  ERR_HTTP1_CONNECT_TIMEOUT: 'connect_timeout',
  ERR_HTTP1_INVALID_RESPONSE: 'protocol',
  ERR_HTTP1_STALE: 'stale',
  HOSTNAME_MISMATCH: 'tls',
  INVALID_CA: 'tls',
  INVALID_PURPOSE: 'tls',
  PATH_LENGTH_EXCEEDED: 'tls',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  UND_ERR_SOCKET: 'closed',
  UND_ERR_HEADERS_TIMEOUT: 'first_byte_timeout',
  UND_ERR_BODY_TIMEOUT: 'idle_timeout',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'closed',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  UND_ERR_DESTROYED: 'closed',
  UND_ERR_CLOSED: 'closed',
}

/** Classifies an error of undici or of a socket by its code, through `cause` and `AggregateError`. */
export function classifyFailure(error: unknown): AttemptFailure {
  let current: unknown = error
  for (let depth = 0; depth < 4 && typeof current === 'object' && current !== null; depth++) {
    const code = codeOf(current)
    if (code !== undefined) {
      const resource = missingResource(current, code)
      if (resource !== undefined) return { kind: 'shortage', detail: resource, cause: error }
      if (current instanceof AggregateError) {
        current = ofEndpoint(current.errors)
        continue
      }
      const kind = kindByCode[code] ?? kindByPrefix(code)
      // The error of a closed socket often has the reason as its cause.
      if (kind === 'closed' && hasCode(current, 'cause')) {
        current = (current as { cause: unknown }).cause
        continue
      }
      if (kind !== undefined) return { kind, detail: otherProtocol(code, current), cause: error }
    }
    if (current instanceof AggregateError) current = ofEndpoint(current.errors)
    else if ('cause' in current) current = current.cause
    else break
  }
  return { kind: 'closed', cause: error }
}

/** Of the errors per address of one host, picks the first that is caused by the host. */
function ofEndpoint(errors: readonly unknown[]): unknown {
  return errors.find((error) => !isOwn(error)) ?? errors[0]
}

function isOwn(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null ? codeOf(error) : undefined
  return code === 'EADDRNOTAVAIL' || code === 'EADDRINUSE'
}

function codeOf(error: object): string | undefined {
  if ('code' in error && typeof error.code === 'string') return error.code
  // undici sets no code for some parser errors.
  return 'name' in error && error.name === 'HTTPParserError' ? 'HPE_UNKNOWN' : undefined
}

const otherProtocols: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'it may speak plain HTTP: use http',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it may speak plain HTTP: use http',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'it speaks HTTP/2 only',
}

/** Guesses the protocol of an endpoint that was addressed in another one; undefined if the error does not show it. */
function otherProtocol(code: string, error: object): string | undefined {
  if (error instanceof Http1Error) return error.hint
  // undici's parser attaches the bytes that it could not parse.
  if (code.startsWith('HPE_') && 'data' in error && typeof error.data === 'string')
    return protocolOf(Buffer.from(error.data, 'latin1'))
  return otherProtocols[code]
}

/** For invalid certificates Node uses OpenSSL's codes (listed in its TLS documentation). */
function kindByPrefix(code: string): FailureKind | undefined {
  if (code.startsWith('HPE_')) return 'protocol'
  if (/^ERR_(TLS|SSL)|^CRL_|CERT|UNABLE_TO|SELF_SIGNED/.test(code)) return 'tls'
  return undefined
}

function hasCode(value: object, key: string): boolean {
  if (!(key in value)) return false
  const inner: unknown = Reflect.get(value, key)
  return typeof inner === 'object' && inner !== null && 'code' in inner
}
