import { networkInterfaces } from 'node:os'

/** By the code of the error: what the system has refused this process, for any connection. */
const resources: Readonly<Record<string, string>> = {
  EMFILE: 'file descriptors',
  ENFILE: 'file descriptors',
  EADDRNOTAVAIL: 'local ports',
  EADDRINUSE: 'local ports',
  ENOBUFS: 'memory for sockets',
  ENOMEM: 'memory for sockets',
  EAGAIN: 'memory for sockets',
}

/**
 * What the gateway's own side lacks for a connection. That says nothing of the endpoint.
 * @param code of the error
 * @returns undefined where the error is of another kind
 */
export function missingResource(error: object, code: string): string | undefined {
  const own = 'errors' in error && Array.isArray(error.errors) ? ofAddresses(error.errors) : resources[code]
  return own === resources.EADDRNOTAVAIL && lacksFamily(error) ? undefined : own
}

/**
 * Of a host with several addresses each was tried. Where one could not be, for want of a descriptor or memory, it is
 * not known whether the host can be reached; ports run out for one address alone.
 */
function ofAddresses(errors: readonly unknown[]): string | undefined {
  const found = errors.map((error) => {
    const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
    const isOfAll = code !== 'EADDRNOTAVAIL' && code !== 'EADDRINUSE'
    return { resource: resources[code], isOfAll }
  })
  const certain = found.find(({ resource, isOfAll }) => resource !== undefined && isOfAll)
  if (certain !== undefined) return certain.resource
  return found.every(({ resource }) => resource !== undefined) ? found[0]?.resource : undefined
}

/** A machine without an IPv6 address of its own reports EADDRNOTAVAIL for every IPv6 address: no port has run out. */
function lacksFamily(error: object): boolean {
  if (!('address' in error && typeof error.address === 'string' && error.address.includes(':'))) return false
  try {
    const addresses = Object.values(networkInterfaces()).flat()
    return !addresses.some((each) => each?.family === 'IPv6')
  } catch {
    // It takes a descriptor itself.
    return false
  }
}
