import { httpDate } from '../../http/headers/http-date.ts'
import { outgoingHead } from '../../http/headers/outgoing-head.ts'
import { originForm } from '../../http/request/request-target.ts'
import { type ErrorCode, GatewayError } from '../../kernel/errors.ts'
import { dialectOf } from './dialect.ts'

/** Errors of Node's parser and server, by code; every other one is a request that is not HTTP/1.1. */
const known: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
  HPE_INVALID_VERSION: 'http_version_not_supported',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/** What is known of a connection whose bytes could not be read as a request. */
export interface ParserError {
  readonly code?: string | undefined
  /** The bytes in which the error was found; of a head in several pieces, the last. */
  readonly rawPacket?: unknown
}

/** The whole answer to it, in the dialect of the API as far as that can be told. */
export function parserRefusal({ code = '', rawPacket }: ParserError, requestId: string): string {
  const found = known[code]
  const message = found === undefined ? 'The request is not valid HTTP/1.1.' : undefined
  const error = new GatewayError(found ?? 'invalid_request', message)
  return wholeRefusal(error, targetOf(rawPacket), requestId)
}

/** An answer outside of Fastify, which ends its connection. */
export function wholeRefusal(error: GatewayError, target: string, requestId: string): string {
  const body = JSON.stringify(dialectOf(target).errors.body(error, requestId))
  const headers = [
    'X-Olla-Request-ID',
    requestId,
    ...(error.retryAfterSeconds === undefined ? [] : ['Retry-After', String(error.retryAfterSeconds)]),
    ...error.headers,
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ]
  const { text } = outgoingHead({
    method: 'GET',
    statusCode: error.statusCode,
    headers,
    keepsAlive: false,
    idleSeconds: 0,
    date: httpDate(Date.now()),
  })
  return text + body
}

function targetOf(rawPacket: unknown): string {
  if (!Buffer.isBuffer(rawPacket)) return '/'
  const target = /^[A-Z]+ (\S+) HTTP\//.exec(rawPacket.toString('latin1', 0, 2_048))?.[1]
  return target === undefined ? '/' : originForm(target)
}
