import type { Endpoint } from '../endpoint/endpoint.ts'
import { hopByHopNames, namedByConnection, noNames } from './hop-by-hop.ts'

/**
 * Client headers that never reach an endpoint besides the hop-by-hop ones: credentials (contract 7.3), and
 * what the connection to the endpoint sets for itself.
 */
const strippedNames: ReadonlySet<string> = new Set([
  ...hopByHopNames,
  'authorization',
  'cookie',
  'x-api-key',
  'x-auth-token',
  'host',
  'content-length',
  'expect',
  'via',
  'x-forwarded-for',
  'x-proxied-by',
  'x-model',
  'x-olla-overhead',
])

/** Who is asking, as told to the endpoint. */
export interface ForwardedBy {
  /** Complete `X-Forwarded-For`, the client's connection appended. */
  readonly forwardedFor: string
  readonly clientAddress: string
  readonly protocol: 'http' | 'https'
  readonly host: string | undefined
  /** `X-Model`: the model asked for. */
  readonly model: string | undefined
  /** Version of the gateway. */
  readonly version: string
}

/**
 * The headers every attempt of a request sends, as flat name/value pairs (contract 7.3).
 * @param rawHeaders as `IncomingMessage.rawHeaders`
 */
export function forwardedHeaders(rawHeaders: readonly string[], by: ForwardedBy): string[] {
  let connectionNames = noNames
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === 10 && name.toLowerCase() === 'connection') {
      const named = namedByConnection(rawHeaders[at + 1] ?? '')
      connectionNames = connectionNames.size === 0 ? named : new Set([...connectionNames, ...named])
    }
  }

  const headers: string[] = []
  let via = ''
  let hasRealIp = false
  let hasProtocol = false
  let hasHost = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const value = rawHeaders[at + 1] ?? ''
    const lower = name.toLowerCase()
    if (lower === 'via') via = via === '' ? value : `${via}, ${value}`
    if (strippedNames.has(lower)) continue
    if (connectionNames.size > 0 && connectionNames.has(lower)) continue
    if (lower === 'x-real-ip') hasRealIp = true
    else if (lower === 'x-forwarded-proto') hasProtocol = true
    else if (lower === 'x-forwarded-host') hasHost = true
    headers.push(name, value)
  }

  headers.push('X-Proxied-By', `Olla/${by.version}`)
  headers.push('Via', via === '' ? `1.1 olla/${by.version}` : `${via}, 1.1 olla/${by.version}`)
  headers.push('X-Forwarded-For', by.forwardedFor)
  if (!hasRealIp) headers.push('X-Real-IP', by.clientAddress)
  if (!hasProtocol) headers.push('X-Forwarded-Proto', by.protocol)
  if (!hasHost && by.host !== undefined) headers.push('X-Forwarded-Host', by.host)
  if (by.model !== undefined && isHeaderValue(by.model)) headers.push('X-Model', by.model)
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
    const name = forwarded[at] ?? ''
    const lower = name.toLowerCase()
    if (endpoint.secretHeaderNames.has(lower) || (isPlain && lower === 'accept-encoding')) continue
    headers.push(name, forwarded[at + 1] ?? '')
  }
  headers.push(...endpoint.headers)
  return headers
}

/** Whether a text may stand in a header (RFC 9110 section 5.5): a model name comes from the client. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text)
}
