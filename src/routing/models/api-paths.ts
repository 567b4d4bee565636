import { Remembered } from '../../kernel/remembered.ts'

/** Limits of a path that is cached, in characters and segments: API paths are short. */
const maxPathLength = 80
const maxSegments = 6
/** Maximum cached paths, so that a client that invents paths cannot fill memory. */
const maxCached = 1_000

const wordSegment = /^[a-z][a-z._-]*$|^v\d{1,2}(?:alpha|beta)?\d?$/i

/** Null for paths that belong to no API. */
const kept = new Remembered<string | null>(maxCached)

/**
 * Reduces a request path to its API path: without IDs, what follows them, and a trailing slash.
 * `/v1/responses/resp_1/cancel` becomes `/v1/responses`, because a server has all of these routes or none.
 * @returns undefined if the path belongs to no API
 */
export function apiPathOf(path: string): string | undefined {
  const known = kept.get(path)
  if (known !== undefined) return known ?? undefined
  const read = readPath(path)
  kept.set(path, read ?? null)
  return read
}

function readPath(path: string): string | undefined {
  const segments = path.slice(1).split('/')
  if (segments.at(-1) === '') segments.pop()
  const id = segments.findIndex((segment) => !wordSegment.test(segment))
  const names = id < 0 ? segments : segments.slice(0, id)
  const read = `/${names.join('/')}`
  return names.length === 0 || names.length > maxSegments || read.length > maxPathLength ? undefined : read
}
