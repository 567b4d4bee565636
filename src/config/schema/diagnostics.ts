/** An error or a warning about a configuration. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  /** Dotted: `server.rate_limits.burst_size`; '' for the whole configuration. */
  readonly key: string
  readonly message: string
  /** As named by the user; undefined for objects and the environment. */
  readonly file?: string | undefined
  /** Starts at 1. */
  readonly line?: number | undefined
  readonly column?: number | undefined
}

/** A problem found by a check, without the file. */
export interface Problem {
  readonly severity: 'error' | 'warning'
  readonly path: KeyPath
  readonly message: string
  /** Line of the problem, if the path does not determine it. */
  readonly line?: number | undefined
  readonly column?: number | undefined
}

/** Problems that prevent any further processing. */
export class ProblemsError extends Error {
  override readonly name = 'ProblemsError'
  readonly problems: readonly Problem[]
  /** The readable part of the document. */
  readonly value: unknown

  constructor(problems: readonly Problem[], value?: unknown) {
    super(problems.map(({ message }) => message).join('\n'))
    this.problems = problems
    this.value = value
  }
}

/** Formats a diagnostic: `config.yaml:12:3 proxy.load_balancr: unknown key, did you mean "load_balancer"?` */
export function formatDiagnostic({ file, line, column, key, message }: Diagnostic): string {
  const place = file === undefined ? '' : line === undefined ? `${file}: ` : `${file}:${line}:${column ?? 1} `
  return `${place}${key === '' ? '' : `${key}: `}${message}`
}

/** An unusable configuration. The message lists every problem and contains no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'))
    this.diagnostics = diagnostics
  }
}

/** A path into the document: keys and list indices. */
export type KeyPath = readonly (string | number)[]

export function dotted(path: KeyPath): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    '',
  )
}

/**
 * Finds the candidate that was probably meant: the nearest by edit distance, if it is near enough.
 * @returns undefined if none is near
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Counts insertions, deletions, replacements and swaps of neighbours; returns at least `limit` if there are more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      let value = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + cost,
      )
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        value = Math.min(value, (before[column - 2] ?? 0) + 1)
      }
      current.push(value)
    }
    before = previous
    previous = current
  }
  return previous[b.length] ?? limit
}
