import { hopByHopNames, namedByConnection, noNames } from './hop-by-hop.ts'

/** Headers of an endpoint's answer that never reach the client (contract 7.4), besides the hop-by-hop ones. */
const strippedNames: ReadonlySet<string> = new Set([
  ...hopByHopNames,
  'authorization',
  'x-api-key',
  'x-auth-token',
  'set-cookie',
  'x-served-by',
])

/** The head of an endpoint's answer. `headers` are flat name/value pairs. */
export interface UpstreamHead {
  readonly statusCode: number
  readonly headers: readonly string[]
}

/** undici gives raw headers as buffers, in Latin-1 as on the wire. */
export function headerTexts(raw: readonly (Buffer | string)[]): string[] {
  const texts: string[] = new Array<string>(raw.length)
  for (let at = 0; at < raw.length; at++) {
    const item = raw[at]
    texts[at] = typeof item === 'string' ? item : (item?.toString('latin1') ?? '')
  }
  return texts
}

/** The first value of a header; names are compared without case. */
export function headerValue(headers: readonly string[], lowerName: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]
    if (name?.length === lowerName.length && name.toLowerCase() === lowerName) return headers[at + 1]
  }
  return undefined
}

/** Flat pairs without those of one name. */
export function withoutHeader(headers: readonly string[], lowerName: string): string[] {
  const kept: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    if (name.toLowerCase() !== lowerName) kept.push(name, headers[at + 1] ?? '')
  }
  return kept
}

/** Flat pairs with others in place of those of the same name. */
export function withHeaders(headers: readonly string[], others: readonly string[]): string[] {
  let kept = [...headers]
  for (let at = 0; at < others.length; at += 2) kept = withoutHeader(kept, (others[at] ?? '').toLowerCase())
  kept.push(...others)
  return kept
}

/**
 * The headers a client gets: the endpoint's, less hop-by-hop ones, credentials and `X-Olla-*` (which only the
 * gateway may say), then the gateway's own, which replace equal names.
 * @param own flat pairs
 * @param ownNames the lower-case names of `own`
 */
export function clientHeaders(
  upstream: readonly string[],
  own: readonly string[],
  ownNames: ReadonlySet<string>,
  secretNames: ReadonlySet<string>,
  version: string,
): string[] {
  let connectionNames = noNames
  for (let at = 0; at < upstream.length; at += 2) {
    const name = upstream[at]
    if (name?.length === 10 && name.toLowerCase() === 'connection') {
      connectionNames = namedByConnection(upstream[at + 1] ?? '')
    }
  }
  const headers: string[] = []
  let via = ''
  for (let at = 0; at < upstream.length; at += 2) {
    const name = upstream[at] ?? ''
    const value = upstream[at + 1] ?? ''
    const lower = name.toLowerCase()
    if (lower === 'via') {
      via = via === '' ? value : `${via}, ${value}`
      continue
    }
    if (strippedNames.has(lower) || secretNames.has(lower) || ownNames.has(lower)) continue
    if (lower.startsWith('x-olla-')) continue
    if (connectionNames.size > 0 && connectionNames.has(lower)) continue
    headers.push(name, value)
  }
  headers.push('Via', via === '' ? `1.1 olla/${version}` : `${via}, 1.1 olla/${version}`)
  for (let at = 0; at < own.length; at++) headers.push(own[at] ?? '')
  return headers
}
