import ipaddr from 'ipaddr.js'

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number]

/** `::ffff:10.0.0.1` is 10.0.0.1; undefined where the text is no address. */
function parse(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const trimmed = text.trim().replace(/^\[(.*)\]$/, '$1')
  return ipaddr.isValid(trimmed) ? ipaddr.process(trimmed) : undefined
}

/** Networks to which an address may belong; compiled once. */
export class NetworkList {
  readonly #networks: readonly Network[]

  /** @throws where a text is no CIDR */
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
  /** Believe `X-Forwarded-For` of trusted proxies. */
  readonly trustProxyHeaders: boolean
  readonly trustedProxies: readonly string[]
}

/** Finds out who asks, and what to tell endpoints about it. */
export class ClientAddresses {
  readonly #trusted: NetworkList | undefined

  constructor(options: ClientAddressOptions) {
    this.#trusted = options.trustProxyHeaders ? new NetworkList(options.trustedProxies) : undefined
  }

  /**
   * The right-most address that is not a trusted proxy's: what stands left of it was written by a host that
   * is not trusted.
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

  /** Whether the peer is a proxy that is believed what it says of its client. */
  trusts(peer: string): boolean {
    return this.#trusted?.has(peer) === true
  }

  /**
   * `X-Forwarded-For` for endpoints: the peer is appended once. What an untrusted peer claims is dropped, so
   * that an endpoint may believe what it gets.
   */
  forwardedFor(peer: string, forwardedFor: string | undefined): string {
    if (forwardedFor === undefined || this.#trusted?.has(peer) !== true) return peer
    return `${forwardedFor}, ${peer}`
  }
}
