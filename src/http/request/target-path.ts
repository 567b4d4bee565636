import { Remembered } from '../../kernel/remembered.ts'

/** The rest of a request's URL behind a route's prefix, still percent-encoded. */
export interface TargetPath {
  /** Begins with `/`. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
}

/** By the number of segments that are cut off. */
const remembered: Remembered<TargetPath>[] = []

/**
 * Cuts the leading segments off a raw URL. Segments are counted instead of compared, so that a prefix that
 * was spelt with escapes is stripped like any other. A URL without a query gets the same strings each time: their
 * hashes are known, so that tables find them sooner.
 * @param segments how many belong to the route, e.g. 2 for `/olla/proxy/…`
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

/** How many segments a route prefix such as `/llm/olla/proxy` has. */
export function countSegments(prefix: string): number {
  return prefix.split('/').filter((segment) => segment !== '').length
}
