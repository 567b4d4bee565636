import { type HeaderRole, headerName } from '../../http/headers/header-name.ts'
import { namesOfConnection } from '../../http/headers/hop-by-hop.ts'
import type { PairList } from '../../http/headers/pair-list.ts'
import { clientLinks, clientUrl, type UrlScope } from './answer-urls.ts'

/** How an endpoint's headers that depend on the route are converted. */
export interface HeaderScope extends UrlScope {
  /** Whether the gateway itself decides which origins are allowed, not the endpoint. */
  readonly answersCors: boolean
}

/**
 * The headers a client gets: the gateway's own, which replace equal names, then the endpoint's without hop-by-hop
 * headers, credentials and `X-Olla-*` (reserved for the gateway).
 * @param headers the gateway's own, to which the others are added
 * @param scope undefined passes URLs and CORS headers unchanged
 */
export function clientHeaders(
  headers: PairList,
  upstream: readonly string[],
  secretNames: ReadonlySet<string>,
  version: string,
  scope?: HeaderScope,
): string[] {
  const connectionNames = namesOfConnection(upstream)
  const ownLength = headers.length
  let via = ''
  for (let at = 0; at < upstream.length; at += 2) {
    const { text, lower, dashed, role, goesDown } = headerName(upstream[at] ?? '')
    const value = upstream[at + 1] ?? ''
    if (role === 'via') via = via === '' ? value : `${via}, ${value}`
    if (!goesDown) continue
    if (secretNames.size > 0 && secretNames.has(dashed)) continue
    if (connectionNames.size > 0 && connectionNames.has(lower)) continue
    if (hasHeader(headers, ownLength, lower)) continue
    const shown = scope === undefined || role === undefined ? value : shownValue(role, value, scope)
    if (shown !== undefined) headers.add(text, shown)
  }
  headers.add('Via', via === '' ? `1.1 olla/${version}` : `${via}, 1.1 olla/${version}`)
  return headers.end()
}

/** @returns undefined if the client does not get the header */
function shownValue(role: HeaderRole, value: string, scope: HeaderScope): string | undefined {
  if (role === 'location') return clientUrl(value, scope)
  if (role === 'link') return clientLinks(value, scope)
  return role === 'cors' && scope.answersCors ? undefined : value
}

/** @param length of the part of the list to search */
function hasHeader(headers: PairList, length: number, lowerName: string): boolean {
  for (let at = 0; at < length; at += 2) {
    const name = headers.at(at)
    if (name.length === lowerName.length && headerName(name).lower === lowerName) return true
  }
  return false
}
