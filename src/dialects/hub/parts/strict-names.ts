import { fingerprint } from './reasoning-signature.ts'

/** Maximum length of a tool's name in Anthropic's and in OpenAI's Responses API. */
const maxNameLength = 128
const forbidden = /[^a-zA-Z0-9_-]/g

/**
 * A name or ID of a tool as Anthropic and OpenAI accept it: letters, digits, `_` and `-`. Clients of other APIs use any
 * characters (Ollama's), and models create IDs such as `functions.search:0`. A hash keeps changed names distinct.
 */
export function strictName(name: string, maxLength: number): string {
  const safe = name.replace(forbidden, '_')
  if (safe === name && name.length <= maxLength) return name
  return `${safe.slice(0, maxLength - 9)}_${fingerprint(name)}`
}

/** The maximum length of a tool's name at an endpoint. @param ownLength of its profile */
export function toolNameLength(ownLength: number | undefined): number {
  return Math.min(ownLength ?? maxNameLength, maxNameLength)
}

/** The client's names of tools whose names `strictName` changes; undefined if it changes none. */
export function changedNames(
  names: readonly string[],
  maxLength: number,
): ReadonlyMap<string, string> | undefined {
  let changed: Map<string, string> | undefined
  for (const name of names) {
    const sent = strictName(name, maxLength)
    if (sent === name) continue
    changed ??= new Map()
    changed.set(sent, name)
  }
  return changed
}
