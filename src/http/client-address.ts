import ipaddr from 'ipaddr.js'

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** Parses an address; `::ffff:10.0.0.1` is 10.0.0.1. Undefined if the text is not an address. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const trimmed = text.trim().replace(/^\[(.*)\]$/, '$1')
  return ipaddr.isValid(trimmed) ? ipaddr.process(trimmed) : undefined
}

/** A list of networks, compiled once, to match addresses against. */
export class NetworkList {
  readonly #networks: readonly Network[]

  /** @throws if a text is not a CIDR */
  constructor(cidrs: readonly string[]) {
    this.#networks = cidrs.map((cidr) => ipaddr.parseCIDR(cidr.trim()))
  }

  has(address: string): boolean {
    const parsed = parse(address)
    if (parsed === undefined) return false
    return this.#networks.some(
      ([network, bits]) =>
        network.kind() === parsed.kind() && (parsed as ipaddr.IPv4).match(network as ipaddr.IPv4, bits),
    )
  }
}

export interface ClientAddressOptions {
  /** Trust `X-Forwarded-For` from trusted proxies. */
  readonly trustProxyHeaders: boolean
  readonly trustedProxies: readonly string[]
}

/** Determines the client's address and the `X-Forwarded-For` header for endpoints. */
export class ClientAddresses {
  readonly #trusted: NetworkList | undefined

  constructor(options: ClientAddressOptions) {
    this.#trusted = options.trustProxyHeaders ? new NetworkList(options.trustedProxies) : undefined
  }

  /**
   * The right-most address that does not belong to a trusted proxy: an untrusted host wrote everything left of it.
   * @param peer address of the connection
   * @param forwardedFor all `X-Forwarded-For` values, joined
   */
  client(peer: string, forwardedFor: string | undefined): string {
    if (this.#trusted === undefined || forwardedFor === undefined || !this.#trusted.has(peer)) return peer
    let client = peer
    for (const hop of forwardedFor.split(',').reverse()) {
      const parsed = parse(hop)
      if (parsed === undefined) break
      client = parsed.toString()
      if (!this.#trusted.has(client)) break
    }
    return client
  }

  /** Whether the peer is a trusted proxy, so that its headers about the client are valid. */
  trusts(peer: string): boolean {
    return this.#trusted?.has(peer) === true
  }

  /**
   * `X-Forwarded-For` for endpoints, with the peer appended once. Values from an untrusted peer are dropped, so that
   * endpoints can trust the header.
   */
  forwardedFor(peer: string, forwardedFor: string | undefined): string {
    if (forwardedFor === undefined || this.#trusted?.has(peer) !== true) return peer
    return `${forwardedFor}, ${peer}`
  }
}
