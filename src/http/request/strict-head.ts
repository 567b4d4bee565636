import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../../kernel/errors.ts'
import { serveNoMore, servesNoMore } from '../connections/closing-connections.ts'
import { speaksOtherProtocol } from '../connections/request-protocol.ts'
import { type CapableRequest, kStrictHead } from '../contract/capabilities.ts'
import { isHost } from '../headers/host-field.ts'

/** Methods of the gateway's routes; `TRACE` would expose a client's headers to a page (RFC 9110 section 9.3.8). */
export const allMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const methods: ReadonlySet<string> = new Set(allMethods.split(', '))

/** Node's server silently drops fields beyond its own limit, so the gateway's limit must be lower. */
export const maxHeaderFields = 1_000

/** Characters that no URI contains (RFC 3986 section 2); clients do not send fragments (RFC 9110 section 7.1). */
const notInTarget = /[\0-\x20"#<>\x7f]/

/**
 * Rejects heads that Node's parser accepts but RFC 9112 and nginx do not. A server may have done this itself.
 * @returns the reason for the rejection, an error that closes the connection
 */
export function refusalOfHead(request: CapableRequest): GatewayError | undefined {
  if (request[kStrictHead] === true) return undefined
  const { socket } = request
  // A pipelined request after one that closes the connection must not be served (RFC 9112 section 9.6).
  if (socket.writableEnded || servesNoMore(socket)) return refusal('The connection is closing.')
  const error = refusalOf(request)
  if (error !== undefined) serveNoMore(socket)
  return error
}

function refusalOf(request: IncomingMessage): GatewayError | undefined {
  const { method = '', url = '', httpVersionMajor, httpVersionMinor, rawHeaders, headers } = request
  if (httpVersionMajor !== 1 || httpVersionMinor > 1 || speaksOtherProtocol(request.socket))
    return new GatewayError('http_version_not_supported', undefined, { headers: close })
  if (rawHeaders.length > 2 * maxHeaderFields)
    return new GatewayError('headers_too_large', `More than ${maxHeaderFields} header fields.`, {
      headers: close,
    })
  if (!methods.has(method))
    return new GatewayError('method_not_allowed', undefined, { headers: ['Allow', allMethods, ...close] })
  if (!url.startsWith('/') || notInTarget.test(url))
    return new GatewayError('invalid_path', 'The request target is not a path.', { headers: close })
  return refusalOfFields(rawHeaders, httpVersionMinor === 1) ?? refusalOfUpgrade(headers.upgrade)
}

function refusalOfUpgrade(upgrade: string | undefined): GatewayError | undefined {
  if (upgrade === undefined || !/\bwebsocket\b/i.test(upgrade)) return undefined
  return new GatewayError('not_supported', 'The gateway does not support WebSocket.', { headers: close })
}

function refusalOfFields(rawHeaders: readonly string[], isVersion11: boolean): GatewayError | undefined {
  let hosts = 0
  let codings = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') {
      // RFC 9112 section 3.2; an `http` URI must have a host (RFC 9110 section 4.2.1).
      if (++hosts > 1 || !isHost(rawHeaders[at + 1] ?? ''))
        return refusal('The Host header is repeated or not a host.')
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      // Node's parser decodes no coding except chunked, and HTTP/1.0 has no transfer codings (RFC 9112 section 6.1).
      const coding = rawHeaders[at + 1]?.toLowerCase()
      // Node 22 accepts an empty field; later versions reject it themselves.
      if (coding === '') return refusal('Transfer-Encoding is empty.')
      if (coding !== 'chunked')
        return new GatewayError('not_supported', 'The only transfer coding is chunked.', { headers: close })
      if (++codings > 1 || !isVersion11) return refusal('Transfer-Encoding is repeated or not of HTTP/1.1.')
    }
  }
  return hosts === 0 && isVersion11 ? refusal('The Host header is missing.') : undefined
}

const close: readonly string[] = ['Connection', 'close']

function refusal(message: string): GatewayError {
  return new GatewayError('invalid_request', message, { headers: close })
}
