import { otherSpelling } from '../discovery/tags.ts'
import type { ModelFilterRules } from '../registry/endpoint.ts'

/**
 * Whether a text matches a glob: `*` is any run of characters, `?` is one. Case does not count. Linear in
 * practice and quadratic at worst: on a mismatch only the last star is tried again, never one before it.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  return matchesLower(pattern.toLowerCase(), text.toLowerCase())
}

function matchesLower(pattern: string, text: string): boolean {
  let at = 0
  let from = 0
  let star = -1
  let retry = 0
  while (from < text.length) {
    const token = pattern[at]
    if (token === '*') {
      star = at++
      retry = from
    } else if (token !== undefined && (token === '?' || token === text[from])) {
      at++
      from++
    } else if (star >= 0) {
      at = star + 1
      from = ++retry
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}

/**
 * Include and exclude globs: exclude wins, an empty include allows all. A name without a tag and the same with
 * `:latest` are one name, so a rule for either holds for both.
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
