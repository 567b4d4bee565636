/** Why bytes are not the text of a YAML file. */
export interface UnreadableText {
  readonly reason: string
}

/**
 * Decodes a YAML file as Go's yaml.v3 does: UTF-8, or UTF-16 if it has a byte order mark (PowerShell 5 writes one for
 * `>`).
 */
export function decodeText(bytes: Uint8Array): string | UnreadableText {
  const encoding = encodingOf(bytes)
  let text: string
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return { reason: `is not valid ${encoding.toUpperCase()} text; save it as UTF-8` }
  }
  return text.includes('\0') ? { reason: 'contains NUL bytes; save it as UTF-8' } : text
}

function encodingOf([first, second]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return 'utf-8'
}
