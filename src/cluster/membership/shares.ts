/**
 * What a replica may use of a limit on its own: the limit divided by the members, the remainder to the first of them in
 * order of ID. At least 1, so that no replica refuses everything: with more members than the limit, the shares exceed
 * it.
 * @param members IDs, with or without the replica's own
 */
export function shareOf(limit: number, own: string, members: readonly string[]): number {
  const ids = members.includes(own) ? [...members].sort() : [...members, own].sort()
  const position = ids.indexOf(own)
  const even = Math.floor(limit / ids.length)
  return Math.max(1, even + (position < limit % ids.length ? 1 : 0))
}
