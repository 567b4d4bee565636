/** FNV-1a, 32 bits, over UTF-8 (contract 1.6). */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) {
    hash ^= byte
    hash = Math.imul(hash, 0x01000193)
  }
  return hash >>> 0
}

/**
 * Stable IDs of endpoints: base36 of the hash of each URL; colliding endpoints get `-1`, `-2`, … in order of name.
 */
export function endpointIds(endpoints: readonly { name: string; url: string }[]): Map<string, string> {
  const byHash = new Map<string, { name: string; url: string }[]>()
  for (const endpoint of endpoints) {
    const hash = fnv1a32(endpoint.url).toString(36)
    byHash.set(hash, [...(byHash.get(hash) ?? []), endpoint])
  }
  const ids = new Map<string, string>()
  for (const [hash, group] of byHash) {
    group.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const [index, { name }] of group.entries()) ids.set(name, index === 0 ? hash : `${hash}-${index}`)
  }
  return ids
}

/** A URL that is safe to show: without credentials, query, fragment and trailing slash. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}
