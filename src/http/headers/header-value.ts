/** The first value of a header; names are case-insensitive. */
export function headerValue(headers: readonly string[], lowerName: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]
    if (name?.length === lowerName.length && name.toLowerCase() === lowerName) return headers[at + 1]
  }
  return undefined
}
