import { Remembered } from '../../kernel/remembered.ts'

/** The part of a request's URL after a route's prefix, still percent-encoded. */
export interface TargetPath {
  /** Starts with `/`. */
  readonly path: string
  /** Includes the `?`; '' if there is no query. */
  readonly query: string
}

/** Caches, indexed by the number of removed segments. */
const remembered: Remembered<TargetPath>[] = []

/**
 * Removes the leading segments of a raw URL. Segments are counted rather than compared, so a prefix with escapes is
 * removed like any other. A URL without a query yields the same strings each time: their hashes are cached, which
 * speeds up table lookups.
 * @param segments number of segments in the route's prefix, e.g. 2 for `/olla/proxy/…`
 */
export function targetPath(rawUrl: string, segments: number): TargetPath {
  remembered[segments] ??= new Remembered()
  const known = remembered[segments]
  const found = known.get(rawUrl)
  if (found !== undefined) return found
  const target = cut(rawUrl, segments)
  if (target.query === '') known.set(rawUrl, target)
  return target
}

function cut(rawUrl: string, segments: number): TargetPath {
  const mark = rawUrl.indexOf('?')
  const end = mark < 0 ? rawUrl.length : mark
  let at = 0
  for (let count = 0; count < segments; count++) {
    const next = rawUrl.indexOf('/', at + 1)
    if (next < 0 || next >= end) {
      at = end
      break
    }
    at = next
  }
  const path = rawUrl.slice(at, end)
  return { path: path === '' ? '/' : path, query: rawUrl.slice(end) }
}

/** Number of segments in a route prefix such as `/llm/olla/proxy`. */
export function countSegments(prefix: string): number {
  return prefix.split('/').filter((segment) => segment !== '').length
}
