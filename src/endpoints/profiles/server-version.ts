import { valueAt } from '../../kernel/json/pointer.ts'

/**
 * Whether a server has at least a version. One that reports none, or none that can be compared (`main`, `0.0.0` of a
 * source build), counts as new enough: its user knows what it is.
 * @param reported `0.14.1-rc2`, `v0.12.0`, `b7200-7ca5991`; undefined if the server reported none
 */
export function isAtLeast(reported: string | undefined, minimum: string | undefined): boolean {
  if (reported === undefined || minimum === undefined) return true
  const has = numbersOf(reported)
  if (has.every((part) => part === 0)) return true
  const needs = numbersOf(minimum)
  for (const [index, part] of needs.entries()) {
    const own = has[index] ?? 0
    if (own !== part) return own > part
  }
  return true
}

/** Parses the numbers of the version itself, without the build after a dash, a plus or a letter. */
function numbersOf(version: string): number[] {
  const numbers = /^[a-z]*(\d+(?:\.\d+)*)/i.exec(version.trim())?.[1]
  return numbers === undefined ? [] : numbers.split('.').map(Number)
}

/**
 * Reads the version from the answer of a version route.
 * @param pointer JSON pointer to the version
 */
export function readVersion(body: Buffer, pointer: string): string | undefined {
  try {
    const value = valueAt(JSON.parse(body.toString('utf8')), pointer)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
