/** What needs no work: lower case, no escapes, no empty segment, no parameters. */
const plain = /^(?:\/[a-z0-9_.-]*[a-z0-9_-])+$/
/** An endpoint may decode once itself, and so may proxies in front of it. */
const maxDecodings = 5

/**
 * A path as the most lenient of servers may read it: decoded, in lower case, without empty and dot segments, path
 * parameters (RFC 3986 section 3.3), and blanks and dots at the end of segments (Windows drops them), up to a NUL, which
 * ends a text in C. What is refused by its path is refused by this form.
 */
export function canonicalPath(path: string): string {
  if (plain.test(path)) return path
  let text = path
  for (let round = 0; round < maxDecodings && text.includes('%'); round++) text = decodeEscapes(text)
  const segments: string[] = []
  for (const raw of (text.toLowerCase().split(/[?#\0]/, 1)[0] ?? '').split(/[/\\]/)) {
    const segment = raw.split(';', 1)[0]?.trim() ?? ''
    if (segment === '..') segments.pop()
    else if (segment !== '.') {
      const name = segment.endsWith('.') ? withoutDots(segment) : segment
      if (name !== '') segments.push(name)
    }
  }
  return `/${segments.join('/')}`
}

function withoutDots(segment: string): string {
  let end = segment.length
  while (end > 0 && (segment[end - 1] === '.' || segment[end - 1] === ' ')) end--
  return segment.slice(0, end)
}

/** Byte-wise: what is not valid UTF-8 is still decoded, so that nothing hides behind a broken escape. */
export function decodeEscapes(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
