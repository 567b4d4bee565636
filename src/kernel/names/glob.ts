/**
 * Whether a text matches a glob: `*` is any run of characters, `?` is one. Case does not count. Linear in
 * practice and quadratic at worst: on a mismatch only the last star is tried again, never one before it.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  return matchesLower(pattern.toLowerCase(), text.toLowerCase())
}

/** The same for texts in lower case. */
export function matchesLower(pattern: string, text: string): boolean {
  let at = 0
  let from = 0
  let star = -1
  let retry = 0
  while (from < text.length) {
    const token = pattern[at]
    if (token === '*') {
      star = at++
      retry = from
    } else if (token !== undefined && (token === '?' || token === text[from])) {
      at++
      from++
    } else if (star >= 0) {
      at = star + 1
      from = ++retry
    } else {
      return false
    }
  }
  while (pattern[at] === '*') at++
  return at === pattern.length
}
