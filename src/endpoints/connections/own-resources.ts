import { networkInterfaces } from 'node:os'

/** By error code: resources that the system has refused this process, for any connection. */
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
 * Returns the resource that the gateway lacks for a connection. Such a failure says nothing about the endpoint.
 * @param code of the error
 * @returns undefined for any other error
 */
export function missingResource(error: object, code: string): string | undefined {
  const own = 'errors' in error && Array.isArray(error.errors) ? ofAddresses(error.errors) : resources[code]
  return own === resources.EADDRNOTAVAIL && lacksFamily(error) ? undefined : own
}

/**
 * For a host with several addresses each was tried. If one could not be tried, for lack of a descriptor or memory, it
 * is unknown whether the host is reachable; ports run out per address.
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

/** A machine without an IPv6 address reports EADDRNOTAVAIL for every IPv6 address: no port has run out. */
function lacksFamily(error: object): boolean {
  if (!('address' in error && typeof error.address === 'string' && error.address.includes(':'))) return false
  try {
    const addresses = Object.values(networkInterfaces()).flat()
    return !addresses.some((each) => each?.family === 'IPv6')
  } catch {
    // The lookup itself needs a descriptor.
    return false
  }
}
