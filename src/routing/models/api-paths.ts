/** Longest path and most segments of one that is remembered: an API's own are short. */
const longestPath = 80
const mostSegments = 6
/** Distinct paths whose form is kept; a client that invents paths must not fill memory. */
const mostKept = 1_000

const wordSegment = /^[a-z][a-z._-]*$|^v\d{1,2}(?:alpha|beta)?\d?$/i

const kept = new Map<string, string | undefined>()

/**
 * The API path that a request's path belongs to: without IDs and what follows them, and without a slash at the end.
 * `/v1/responses/resp_1/cancel` is `/v1/responses`, since a server has all of these routes or none.
 * @returns undefined for a path that is none of an API
 */
export function apiPathOf(path: string): string | undefined {
  const known = kept.get(path)
  if (known !== undefined || kept.has(path)) return known
  const read = readPath(path)
  if (kept.size >= mostKept) kept.clear()
  kept.set(path, read)
  return read
}

function readPath(path: string): string | undefined {
  const segments = path.slice(1).split('/')
  if (segments.at(-1) === '') segments.pop()
  const id = segments.findIndex((segment) => !wordSegment.test(segment))
  const words = id < 0 ? segments : segments.slice(0, id)
  const read = `/${words.join('/')}`
  return words.length === 0 || words.length > mostSegments || read.length > longestPath ? undefined : read
}
