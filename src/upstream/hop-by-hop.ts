/** Headers of one connection, never forwarded (RFC 9110 section 7.6.1), with the historic `Proxy-Connection`. */
export const hopByHopNames: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The lower-case names that a `Connection` header lists: hop-by-hop as well (RFC 9110 section 7.6.1). */
export function namedByConnection(value: string): ReadonlySet<string> {
  const names = new Set<string>()
  for (const name of value.split(',')) {
    const trimmed = name.trim().toLowerCase()
    if (trimmed !== '' && trimmed !== 'close' && trimmed !== 'keep-alive') names.add(trimmed)
  }
  return names
}

export const noNames: ReadonlySet<string> = new Set()
