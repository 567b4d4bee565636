/** Flat name/value pairs as an object; a repeated name becomes a list. */
export function headerLists(pairs: readonly string[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (let at = 0; at < pairs.length; at += 2) {
    const name = (pairs[at] ?? '').toLowerCase()
    const value = pairs[at + 1] ?? ''
    const present = headers[name]
    if (present === undefined) headers[name] = value
    else if (Array.isArray(present)) present.push(value)
    else headers[name] = [present, value]
  }
  return headers
}

/** The reverse: an object of headers as flat name/value pairs. */
export function headerPairs(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): string[] {
  const pairs: string[] = []
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') pairs.push(name, value)
    else if (value !== undefined) for (const each of value) pairs.push(name, each)
  }
  return pairs
}
