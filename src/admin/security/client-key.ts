import ipaddr from 'ipaddr.js'
import { Remembered } from '../../kernel/remembered.ts'

/** IPv4 addresses as a NAT64 translator writes them (RFC 6052 section 2.1). */
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/**
 * Derives the key under which rate limits count a client. Networks assign IPv6 addresses by prefix, 2^64 of them to
 * each site (RFC 6177), so a limit on single addresses would be ineffective.
 */
export class ClientKeys {
  readonly #prefixBits: number
  readonly #known = new Remembered<string>(1_024, 64)

  /** @param prefixBits length of the IPv6 prefix that identifies a client, 1 to 128 */
  constructor(prefixBits: number) {
    this.#prefixBits = prefixBits
  }

  /** @returns an IPv4 address unchanged, even if written as IPv6; otherwise the prefix */
  of(address: string): string {
    if (!address.includes(':')) return address
    const found = this.#known.get(address)
    if (found !== undefined) return found
    const key = this.#read(address)
    this.#known.set(address, key)
    return key
  }

  #read(address: string): string {
    // A zone names an interface of this machine.
    const bare = address.split('%', 1)[0] ?? ''
    if (!ipaddr.isValid(bare)) return address
    const parsed = ipaddr.process(bare)
    if (parsed instanceof ipaddr.IPv4) return parsed.toString()
    if (parsed.match(nat64)) return ipaddr.fromByteArray(parsed.toByteArray().slice(12)).toString()
    if (this.#prefixBits >= 128) return parsed.toString()
    const network = ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${this.#prefixBits}`)
    return `${network.toString()}/${this.#prefixBits}`
  }
}
