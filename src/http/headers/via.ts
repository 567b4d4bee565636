/**
 * The gateway's own entry in `Via`. Its comment identifies this gateway: a request that arrives with it is in a loop.
 */
export function viaEntryOf(version: string, pseudonym: string): string {
  return `1.1 olla/${version} ${pseudonym}`
}
