/** A power of two: a few dozen names and paths are in use. */
const places = 512
/** Longer texts are rare. */
const maxLength = 40

const known: (string | undefined)[] = Array.from({ length: places }, () => undefined)

/**
 * Cuts the name of a field or the target of a request out of a head. They recur: each is kept as one string, which costs
 * no memory for the next request and has its hash, which table lookups need.
 */
export function recurringText(text: string, start: number, end: number): string {
  const length = end - start
  if (length === 0 || length > maxLength) return text.slice(start, end)
  const middle = text.charCodeAt(start + (length >> 1))
  const place =
    (text.charCodeAt(start) * 31 + text.charCodeAt(end - 1) * 7 + middle + length * 97) & (places - 1)
  const found = known[place]
  if (found !== undefined && found.length === length && text.startsWith(found, start)) return found
  const part = text.slice(start, end)
  // A query seldom recurs and may contain a secret.
  if (part.includes('?')) return part
  // A slice would keep the whole head in memory.
  const own = Buffer.from(part, 'latin1').toString('latin1')
  known[place] = own
  return own
}
