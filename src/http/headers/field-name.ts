/** A power of two: there are a few dozen spellings in use. */
const places = 512
/** Longer names are rare. */
const maxLength = 40

const known: (string | undefined)[] = Array.from({ length: places }, () => undefined)

/**
 * Cuts the name of a field out of a head. Names recur: each is kept as one string, which costs no memory for the next
 * request and has its hash, which table lookups need.
 */
export function fieldName(text: string, start: number, end: number): string {
  const length = end - start
  if (length === 0 || length > maxLength) return text.slice(start, end)
  const place =
    (text.charCodeAt(start) * 31 +
      text.charCodeAt(end - 1) * 7 +
      text.charCodeAt(start + (length >> 1)) +
      length * 97) &
    (places - 1)
  const found = known[place]
  if (found !== undefined && found.length === length && text.startsWith(found, start)) return found
  // A slice would keep the whole head in memory.
  const name = Buffer.from(text.slice(start, end), 'latin1').toString('latin1')
  known[place] = name
  return name
}
