import { fingerprint } from './reasoning-signature.ts'

/**
 * A tool's name for an endpoint that limits the length: OpenAI takes 64 characters, and MCP clients make longer
 * ones. What is cut off is replaced by a hash, so that equal beginnings stay apart.
 * @param longest undefined where any length will do
 */
export function shortName(name: string, longest: number | undefined): string {
  if (longest === undefined || name.length <= longest) return name
  return `${name.slice(0, longest - 9)}_${fingerprint(name)}`
}

/** The client's names of tools whose names were shortened; undefined where none was. */
export function originalNames(
  names: readonly string[],
  longest: number | undefined,
): ReadonlyMap<string, string> | undefined {
  if (longest === undefined || !names.some((name) => name.length > longest)) return undefined
  return new Map(names.map((name) => [shortName(name, longest), name]))
}

/** Whether a name that came in a stream can be taken for whole: it is a tool's, and no other tool's begins so. */
export function isWholeName(name: string, toolNames: readonly string[]): boolean {
  if (toolNames.length === 0) return true
  let isKnown = false
  for (const each of toolNames) {
    if (each === name) isKnown = true
    else if (each.startsWith(name)) return false
  }
  return isKnown
}
