/** Headers of one connection, never forwarded (RFC 9110 section 7.6.1), and the historic `Proxy-Connection`. */
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

/**
 * Lower-case names listed in `Connection` headers, which are hop-by-hop too (RFC 9110 section 7.6.1).
 * @param headers flat name/value pairs
 */
export function namesOfConnection(headers: readonly string[]): ReadonlySet<string> {
  let names: Set<string> | undefined
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]
    if (name?.length !== 10 || name.toLowerCase() !== 'connection') continue
    const value = headers[at + 1] ?? ''
    if (usualValues.has(value)) continue
    names ??= new Set()
    for (const listed of value.split(',')) names.add(listed.trim().toLowerCase())
  }
  return names ?? noNames
}

const usualValues: ReadonlySet<string> = new Set(['keep-alive', 'close', 'Keep-Alive', 'Close'])
const noNames: ReadonlySet<string> = new Set()
