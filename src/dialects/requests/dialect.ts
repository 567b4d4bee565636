import { Remembered } from '../../kernel/remembered.ts'
import { defaultDialect, dialects } from '../all.ts'
import type { Dialect } from '../contract/dialect.ts'

/** Which limits and log levels apply to a request. */
export type RouteClass = 'proxy' | 'internal'

type Headers = Readonly<Record<string, unknown>>

/**
 * Finds the dialect that the client of a request expects.
 * @param path below the gateway's own prefix
 * @param headers of the request by lower-case name; they decide on paths that several APIs share
 */
export type FindDialect = (path: string, headers?: Headers) => Dialect

/** @param last owns all paths that no other dialect owns */
export function dialectFinder(all: readonly Dialect[], last: Dialect): FindDialect {
  const remembered = new Remembered<Dialect>()
  const sharing = all.flatMap((dialect) => {
    const { shared } = dialect.paths
    return shared === undefined ? [] : [{ dialect, ...shared }]
  })
  return function find(path, headers) {
    if (headers !== undefined) {
      for (const { header, paths, dialect } of sharing)
        if (headers[header] !== undefined && paths.test(path)) return dialect
    }
    const found = remembered.get(path)
    if (found !== undefined) return found
    const dialect = all.find(({ paths }) => paths.owns(path)) ?? last
    remembered.set(path, dialect)
    return dialect
  }
}

export const dialectOf: FindDialect = dialectFinder(dialects, defaultDialect)

export function routeClassOf(path: string): RouteClass {
  return path.startsWith('/internal/') || path === '/version' ? 'internal' : 'proxy'
}
