import type { NetworkInterfaceInfo } from 'node:os'
import ipaddr from 'ipaddr.js'

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>

/** The properties of this machine that identify endpoints on it. */
export interface Machine {
  readonly interfaces: Interfaces
  /** Host name of the machine. */
  readonly name: string
  /** Addresses of resolved host names. */
  readonly resolved?: ReadonlyMap<string, readonly string[]>
}

const loopbacks = ['127.0.0.1', '::1'] as const
const everywhere4 = '0.0.0.0'
const everywhere6 = '::'

/** Normalizes a host: no brackets, trailing dot or zone, and one form for each address. */
export function plainHost(host: string): string {
  const bare = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .replace(/\.$/, '')
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare
}

/**
 * The addresses of a host.
 * @returns an empty list for a name that has not been resolved
 */
export function addressesOf(host: string, machine: Machine): readonly string[] {
  const plain = plainHost(host)
  if (ipaddr.isValid(plain)) return [plain]
  if (plain === 'localhost' || plain.endsWith('.localhost')) return loopbacks
  const known = machine.resolved?.get(plain)?.map(plainHost) ?? []
  return isOwnName(plain, machine) ? [...loopbacks, ...known, ...interfaceAddresses(machine)] : known
}

/** Whether a host is a name that needs a DNS lookup. */
export function needsLookUp(host: string): boolean {
  const plain = plainHost(host)
  return !ipaddr.isValid(plain) && plain !== 'localhost' && !plain.endsWith('.localhost')
}

/** Whether a listener on a host accepts connections to an address. */
export function acceptsConnectionsTo(address: string, listener: string, machine: Machine): boolean {
  // Connections to the unspecified address reach this machine.
  const to = address === everywhere4 ? '127.0.0.1' : address === everywhere6 ? '::1' : address
  const plain = plainHost(listener)
  if (plain !== everywhere4 && plain !== everywhere6 && plain !== '')
    return addressesOf(plain, machine).includes(to)
  return isOfMachine(to, machine) && (plain !== everywhere4 || ipaddr.parse(to).kind() === 'ipv4')
}

/** Whether an address belongs to this machine. */
export function isOfMachine(address: string, machine: Machine): boolean {
  if (address === everywhere4 || address === everywhere6) return true
  return ipaddr.parse(address).range() === 'loopback' || interfaceAddresses(machine).includes(address)
}

function isOwnName(host: string, { name }: Machine): boolean {
  const own = plainHost(name)
  return own !== '' && (host === own || own.startsWith(`${host}.`))
}

function interfaceAddresses({ interfaces }: Machine): string[] {
  return Object.values(interfaces).flatMap((each) => (each ?? []).map(({ address }) => plainHost(address)))
}
