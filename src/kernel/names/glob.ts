/**
 * Whether a text matches a glob, ignoring case: `*` matches any characters, `?` one. Linear in practice and quadratic
 * at worst, because a mismatch backtracks to the last star only.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  return matchesLower(pattern.toLowerCase(), text.toLowerCase())
}

/** The same for lower-case arguments. */
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
