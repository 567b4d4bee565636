/** Converts an object of headers to flat name/value pairs. */
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
