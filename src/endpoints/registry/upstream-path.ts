import { decodeEscapes } from '../../kernel/canonical-path.ts'
import type { Endpoint } from './endpoint.ts'

/**
 * Path and query of the upstream request (contract 7.3). Keeps the client's escapes and rejects a path that could leave
 * the endpoint's base path, however it is escaped.
 * @param path begins with `/`, percent-encoded as received
 * @param query with its `?`, or ''
 * @returns undefined if the path is not safe
 */
export function upstreamPath(
  endpoint: Pick<Endpoint, 'basePath' | 'preservePath' | 'query'>,
  path: string,
  query: string,
): string | undefined {
  if (!isSafePath(path)) return undefined
  const whole = endpoint.preservePath && endpoint.basePath !== '' ? joinPath(endpoint.basePath, path) : path
  return endpoint.query === undefined ? whole + query : whole + joinQuery(endpoint.query, query)
}

/**
 * Joins a base path and a path. A version at the end of the base and the start of the path (`/openai/v1` and
 * `/v1/models`) appears once.
 */
export function joinPath(basePath: string, path: string): string {
  const last = basePath.lastIndexOf('/') + 1
  const isVersion = basePath.charCodeAt(last) === 0x76 && isDigit(basePath.charCodeAt(last + 1))
  if (!isVersion) return basePath + path
  for (let at = 0; at !== -1; at = basePath.indexOf('/', at + 1)) {
    const shared = basePath.length - at
    const isWhole = path.length === shared || path.charCodeAt(shared) === 0x2f
    if (isWhole && path.startsWith(basePath.slice(at))) return basePath.slice(0, at) + path
  }
  return basePath + path
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Puts the endpoint's own parameters first: of repeated names servers use the first or the last. */
function joinQuery(own: string, query: string): string {
  return query.length > 1 ? `?${own}&${query.slice(1)}` : `?${own}`
}

/**
 * Whether no reading of the path, decoded once or twice, has a `.` or `..` segment, an empty segment before
 * the last, a backslash or a control character.
 */
export function isSafePath(path: string): boolean {
  if (!path.startsWith('/') || !isPlain(path)) return false
  if (!path.includes('%')) return true
  const decoded = decodeEscapes(path)
  // An escaped slash is valid in a model name, so only literal empty segments matter.
  if (hasDotSegment(decoded) || hasUnsafeCharacter(decoded)) return false
  // A proxy in front of the endpoint may decode once more.
  return !decoded.includes('%') || !hasDotSegment(decodeEscapes(decoded))
}

function isPlain(path: string): boolean {
  return !path.includes('//') && !hasDotSegment(path) && !hasUnsafeCharacter(path) && !path.includes('#')
}

function hasDotSegment(path: string): boolean {
  if (!path.includes('.')) return false
  for (const segment of path.split(/[/\\]/)) {
    // `..;x` is a dot segment to servers that know path parameters (RFC 3986 section 3.3).
    const name = segment.split(';', 1)[0]
    if (name === '.' || name === '..') return true
  }
  return false
}

function hasUnsafeCharacter(path: string): boolean {
  for (let at = 0; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code <= 0x1f || code === 0x7f || code === 0x5c) return true
  }
  return false
}
