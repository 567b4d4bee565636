/** The gateway's own entry in `Via`. Its comment names this gateway alone: a request that comes with it is in a loop. */
export function viaEntryOf(version: string, pseudonym: string): string {
  return `1.1 olla/${version} ${pseudonym}`
}
