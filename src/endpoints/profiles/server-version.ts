import { valueAt } from '../../kernel/json/pointer.ts'

/**
 * Whether a server is at least of a version. One that tells none, or none that can be compared (`main`, `0.0.0` of
 * a build from sources), counts as new enough: a user who has it knows.
 * @param reported `0.14.1-rc2`, `v0.12.0`, `b7200-7ca5991`; undefined where the server has not told
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

/** The numbers of the version itself; what stands behind a dash, a plus or a letter is a build. */
function numbersOf(version: string): number[] {
  const numbers = /^[a-z]*(\d+(?:\.\d+)*)/i.exec(version.trim())?.[1]
  return numbers === undefined ? [] : numbers.split('.').map(Number)
}

/**
 * The version in the answer of a route that tells it.
 * @param pointer where it stands in the JSON
 */
export function readVersion(body: Buffer, pointer: string): string | undefined {
  try {
    const value = valueAt(JSON.parse(body.toString('utf8')), pointer)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
