import { fingerprint } from '../parts/reasoning-signature.ts'

/**
 * Shortens a tool's name for an endpoint that limits its length: OpenAI accepts 64 characters, and MCP clients create
 * longer names. A hash replaces the end, so that names with the same beginning stay distinct.
 * @param maxLength undefined if the endpoint has no limit
 */
export function shortName(name: string, maxLength: number | undefined): string {
  if (maxLength === undefined || name.length <= maxLength) return name
  return `${name.slice(0, maxLength - 9)}_${fingerprint(name)}`
}

/** The client's names of tools whose names were shortened; undefined if none was. */
export function originalNames(
  names: readonly string[],
  maxLength: number | undefined,
): ReadonlyMap<string, string> | undefined {
  if (maxLength === undefined || !names.some((name) => name.length > maxLength)) return undefined
  return new Map(names.map((name) => [shortName(name, maxLength), name]))
}

/** Whether a streamed name is certainly complete: it is a tool's name, and no other tool's name starts with it. */
export function isWholeName(name: string, toolNames: readonly string[]): boolean {
  if (toolNames.length === 0) return true
  let isKnown = false
  for (const each of toolNames) {
    if (each === name) isKnown = true
    else if (each.startsWith(name)) return false
  }
  return isKnown
}
