import ipaddr from 'ipaddr.js'

/** Names that no public DNS has (RFC 6761, RFC 6762 appendix G, RFC 8375) and the habits of private networks. */
const privateSuffix =
  /(?:^|\.)(?:localhost|local|internal|intranet|private|corp|home|lan|home\.arpa|test|invalid|localdomain)\.?$/

/** Whether a URL's host may be an address of the public Internet; a name without a dot is not. */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (ipaddr.isValid(host)) return ipaddr.process(host).range() === 'unicast'
  return host.includes('.') && !privateSuffix.test(host)
}
