/**
 * Patterns for canonical paths. `a/b` matches the end of a path, `/a/b` the whole path, `*` any one segment, and a
 * final `**` everything below: `/a/**` at the root, `a/**` also after an API version (`v1`, `api/v1`).
 */
export class RoutePatterns {
  readonly #tails: readonly (readonly string[])[]
  readonly #wholes: readonly (readonly string[])[]
  readonly #trees: readonly (readonly string[])[]
  readonly #rootTrees: readonly (readonly string[])[]

  constructor(patterns: Iterable<string>) {
    const tails: string[][] = []
    const wholes: string[][] = []
    const trees: string[][] = []
    const rootTrees: string[][] = []
    for (const pattern of patterns) {
      const segments = segmentsOf(pattern)
      const isRooted = pattern.startsWith('/')
      if (segments.at(-1) === '**') (isRooted ? rootTrees : trees).push(segments.slice(0, -1))
      else if (isRooted) wholes.push(segments)
      else tails.push(segments)
    }
    this.#tails = tails
    this.#wholes = wholes
    this.#trees = trees
    this.#rootTrees = rootTrees
  }

  /** @param segments of a canonical path */
  matches(segments: readonly string[]): boolean {
    const { length } = segments
    if (this.#wholes.some((whole) => whole.length === length && isAt(segments, 0, whole))) return true
    if (this.#tails.some((tail) => isAt(segments, length - tail.length, tail))) return true
    if (this.#rootTrees.some((tree) => isAt(segments, 0, tree))) return true
    const from = afterVersion(segments)
    return this.#trees.some((tree) => isAt(segments, 0, tree) || (from > 0 && isAt(segments, from, tree)))
  }
}

/** Segments of a path or a pattern. */
export function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '')
}

function isAt(segments: readonly string[], at: number, pattern: readonly string[]): boolean {
  if (at < 0 || at + pattern.length > segments.length) return false
  return pattern.every((each, index) => each === '*' || each === segments[at + index])
}

function afterVersion(segments: readonly string[]): number {
  let at = 0
  while (at < 2 && /^(?:api|v\d+(?:beta)?)$/.test(segments[at] ?? '')) at++
  return at
}
