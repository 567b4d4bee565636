/**
 * Chooses one of the members for a name by rendezvous hashing (Thaler and Ravishankar 1998): all replicas choose the
 * same one, and when a member leaves, only its names move.
 * @returns undefined without members
 */
export function leaderOf(name: string, members: readonly string[]): string | undefined {
  let leader: string | undefined
  let highest = -1
  for (const member of members) {
    const weight = hash(`${member}\n${name}`)
    if (weight > highest || (weight === highest && member < (leader ?? ''))) {
      leader = member
      highest = weight
    }
  }
  return leader
}

/** All members in the order in which they would lead a name: the leader, and who leads it when those before are gone. */
export function byRank(name: string, members: readonly string[]): string[] {
  const weights = new Map(members.map((member) => [member, hash(`${member}\n${name}`)]))
  const weightOf = (member: string) => weights.get(member) ?? 0
  return members.toSorted((one, other) => weightOf(other) - weightOf(one) || (one < other ? -1 : 1))
}

/** FNV-1a over UTF-16 units, finished with MurmurHash3's final mix. */
function hash(text: string): number {
  let state = 0x811c9dc5
  for (let at = 0; at < text.length; at++) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193)
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}
