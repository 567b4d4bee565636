import type { Endpoint } from '../endpoint/endpoint.ts'
import { headerName } from './header-name.ts'
import { namesOfConnection } from './hop-by-hop.ts'

/** Who is asking, as told to the endpoint. */
export interface ForwardedBy {
  /** Complete `X-Forwarded-For`, the client's connection appended. */
  readonly forwardedFor: string
  readonly clientAddress: string
  readonly protocol: 'http' | 'https'
  readonly host: string | undefined
  /** `X-Model`: the model asked for, where a header can hold it. */
  readonly model: string | undefined
  /** Version of the gateway. */
  readonly version: string
}

/**
 * The headers every attempt of a request sends, as flat name/value pairs (contract 7.3).
 * @param rawHeaders as `IncomingMessage.rawHeaders`
 */
export function forwardedHeaders(rawHeaders: readonly string[], by: ForwardedBy): string[] {
  const connectionNames = namesOfConnection(rawHeaders)
  const headers: string[] = []
  let via = ''
  let hasRealIp = false
  let hasProtocol = false
  let hasHost = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const { text, lower, role, goesUp } = headerName(rawHeaders[at] ?? '')
    const value = rawHeaders[at + 1] ?? ''
    if (role === 'via') via = via === '' ? value : `${via}, ${value}`
    if (!goesUp) continue
    if (connectionNames.size > 0 && connectionNames.has(lower)) continue
    if (role === 'real-ip') hasRealIp = true
    else if (role === 'protocol') hasProtocol = true
    else if (role === 'host') hasHost = true
    headers.push(text, value)
  }

  headers.push('X-Proxied-By', `Olla/${by.version}`)
  headers.push('Via', via === '' ? `1.1 olla/${by.version}` : `${via}, 1.1 olla/${by.version}`)
  headers.push('X-Forwarded-For', by.forwardedFor)
  if (!hasRealIp) headers.push('X-Real-IP', by.clientAddress)
  if (!hasProtocol) headers.push('X-Forwarded-Proto', by.protocol)
  if (!hasHost && by.host !== undefined) headers.push('X-Forwarded-Host', by.host)
  if (by.model !== undefined) headers.push('X-Model', by.model)
  return headers
}

/**
 * The headers of one attempt: the endpoint's own replace the client's of the same name.
 * @param isPlain the answer will be read here, so it must not come compressed
 */
export function attemptHeaders(
  forwarded: readonly string[],
  endpoint: Endpoint,
  isPlain = false,
): readonly string[] {
  if (endpoint.headers.length === 0 && !isPlain) return forwarded
  const headers: string[] = []
  for (let at = 0; at < forwarded.length; at += 2) {
    const { text, lower, role } = headerName(forwarded[at] ?? '')
    if (endpoint.secretHeaderNames.has(lower) || (isPlain && role === 'encoding')) continue
    headers.push(text, forwarded[at + 1] ?? '')
  }
  headers.push(...endpoint.headers)
  return headers
}

/** Whether a text may stand in a header (RFC 9110 section 5.5): a model name comes from the client. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}
