import { matchesLower } from './glob.ts'
import { otherSpelling } from './tags.ts'

/** Globs over model names; matching ignores case, exclude wins, an empty include allows all. */
export interface ModelFilterRules {
  readonly include: readonly string[]
  readonly exclude: readonly string[]
}

/**
 * Include and exclude globs: exclude wins, an empty include allows all. A name without a tag and the same name with
 * `:latest` are equal, so a rule for one applies to both.
 */
export class NameFilter {
  readonly #include: readonly string[]
  readonly #exclude: readonly string[]

  constructor(rules: ModelFilterRules) {
    this.#include = rules.include.map((pattern) => pattern.toLowerCase())
    this.#exclude = rules.exclude.map((pattern) => pattern.toLowerCase())
  }

  allows(name: string): boolean {
    if (this.#include.length === 0 && this.#exclude.length === 0) return true
    const lower = name.toLowerCase()
    const other = otherSpelling(lower)
    const isNamed = (pattern: string) =>
      matchesLower(pattern, lower) || (other !== undefined && matchesLower(pattern, other))
    return !this.#exclude.some(isNamed) && (this.#include.length === 0 || this.#include.some(isNamed))
  }
}
