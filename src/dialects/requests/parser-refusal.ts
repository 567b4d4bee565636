import { headText } from '../../http/headers/head-parts.ts'
import { httpDate } from '../../http/headers/http-date.ts'
import { outgoingHead } from '../../http/headers/outgoing-head.ts'
import { originForm } from '../../http/request/request-target.ts'
import { type ErrorCode, GatewayError } from '../../kernel/errors.ts'
import { dialectOf } from './dialect.ts'

/** Errors of Node's parser and server, by code. Every other error means that the request is not HTTP/1.1. */
const known: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
  HPE_INVALID_VERSION: 'http_version_not_supported',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/** A parser error and the bytes that caused it. */
export interface ParserError {
  readonly code?: string | undefined
  /** The chunk that contains the error; the last one if the head arrived in several. */
  readonly rawPacket?: unknown
}

/** The complete response to a parser error, in the dialect of the requested API if the path is readable. */
export function parserRefusal({ code = '', rawPacket }: ParserError, requestId: string): string {
  const found = known[code]
  const message = found === undefined ? 'The request is not valid HTTP/1.1.' : undefined
  const error = new GatewayError(found ?? 'invalid_request', message)
  return wholeRefusal(error, targetOf(rawPacket), requestId)
}

/** A complete response, written without Fastify. It closes the connection. */
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
  const { parts } = outgoingHead({
    method: 'GET',
    statusCode: error.statusCode,
    headers,
    keepsAlive: false,
    idleSeconds: 0,
    date: httpDate(Date.now()),
  })
  return headText(parts) + body
}

function targetOf(rawPacket: unknown): string {
  if (!Buffer.isBuffer(rawPacket)) return '/'
  const target = /^[A-Z]+ (\S+) HTTP\//.exec(rawPacket.toString('latin1', 0, 2_048))?.[1]
  return target === undefined ? '/' : originForm(target)
}
