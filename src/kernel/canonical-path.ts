/** Paths that are canonical already: lower case, no escapes, empty segments or parameters. */
const plain = /^(?:\/[a-z0-9_.-]*[a-z0-9_-])+$/
/** The endpoint and each proxy in front of it may decode the path once. */
const maxDecodings = 5

/**
 * The path as the most lenient server may read it: decoded, lower case, without empty and dot segments, path
 * parameters (RFC 3986 section 3.3) and trailing spaces and dots of segments (Windows drops them), up to the first NUL,
 * which ends a C string. Rules that refuse requests by path match this form.
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

/** Decodes byte by byte, also invalid UTF-8, so that a broken escape cannot hide the rest. */
export function decodeEscapes(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
