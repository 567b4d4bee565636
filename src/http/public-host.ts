import ipaddr from 'ipaddr.js'

/**
 * Suffixes that do not exist in public DNS (RFC 6761, RFC 6762 appendix G, RFC 8375) or are customary in private
 * networks.
 */
const privateSuffix =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|home\.arpa|test|invalid|localdomain)\.?$/

/** Whether a URL's host may be an address on the public Internet; a name without a dot is not. */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (ipaddr.isValid(host)) return ipaddr.process(host).range() === 'unicast'
  return host.includes('.') && !privateSuffix.test(host)
}
