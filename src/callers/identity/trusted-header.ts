import { isUtf8 } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import type { SectionOptions } from '../../config/options/sections.ts'
import { NetworkList } from '../../http/client-address.ts'
import { headerName } from '../../http/headers/header-name.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { Remembered } from '../../kernel/remembered.ts'
import type { IdentityHeaders } from '../../proxy/contract/caller.ts'
import { type ExternalIdentity, isUsableName, usableGroups } from './external-identity.ts'

export type TrustedHeaderOptions = SectionOptions<'callers'>['trustedHeader']

/** A request as far as its headers name a caller. */
export interface NamedRequest {
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  /** Address of the connection, whatever proxies say about the client. */
  readonly peer: string
}

/** Callers that a proxy names in a header, which counts only on connections from listed networks. */
export class TrustedHeader {
  readonly #networks: NetworkList
  readonly #user: string
  readonly #groups: string | undefined
  readonly #names: ReadonlySet<string>
  readonly #options: TrustedHeaderOptions
  readonly #none: IdentityHeaders
  readonly #peers = new Remembered<boolean>(1_024, 64)
  readonly #known = new Remembered<ExternalIdentity>(10_000, 2_048)

  constructor(options: TrustedHeaderOptions) {
    this.#options = options
    this.#networks = new NetworkList(options.networks)
    this.#user = options.user.toLowerCase()
    this.#groups = options.groups === '' ? undefined : options.groups.toLowerCase()
    const names = this.#groups === undefined ? [this.#user] : [this.#user, this.#groups]
    this.#names = new Set(names.map((name) => name.replaceAll('_', '-')))
    this.#none = { names: this.#names, pairs: [] }
  }

  /**
   * @returns undefined if the peer is not trusted, or names no caller
   * @throws GatewayError if the header is repeated or not a name: a proxy may have added its own to the client's
   */
  identityOf(request: NamedRequest): ExternalIdentity | undefined {
    const user = request.headers[this.#user]
    if (user === undefined || !this.#trusts(request.peer)) return undefined
    const groups = this.#groups === undefined ? undefined : request.headers[this.#groups]
    if (typeof user !== 'string' || isRepeated(request.rawHeaders, this.#user)) throw this.#refusal()
    const listed = typeof groups === 'string' ? groups : ''
    const key = `${user}\n${listed}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const identity = this.#read(readable(user).trim(), readable(listed))
    this.#known.set(key, identity)
    return identity
  }

  /** What endpoints get of the headers. */
  forwarded({ rawHeaders, peer }: Pick<NamedRequest, 'rawHeaders' | 'peer'>): IdentityHeaders {
    if (!this.#options.forward || !this.#trusts(peer)) return this.#none
    const pairs: string[] = []
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const { lower, text } = headerName(rawHeaders[at] ?? '')
      if (lower === this.#user || lower === this.#groups) pairs.push(text, rawHeaders[at + 1] ?? '')
    }
    return { names: this.#names, pairs }
  }

  #trusts(peer: string): boolean {
    const known = this.#peers.get(peer)
    if (known !== undefined) return known
    const trusted = this.#networks.has(peer)
    this.#peers.set(peer, trusted)
    return trusted
  }

  #read(name: string, groups: string): ExternalIdentity {
    if (!isUsableName(name)) throw this.#refusal()
    const listed = usableGroups(groups.split(',').map((group) => group.trim()))
    return { kind: 'user', id: name, name, owner: name, groups: listed, rules: this.#options }
  }

  #refusal(): GatewayError {
    return new GatewayError('unauthorized', `The header ${this.#options.user} does not name one caller.`)
  }
}

function isRepeated(rawHeaders: readonly string[], lower: string): boolean {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (headerName(rawHeaders[at] ?? '').lower === lower) count++
  }
  return count > 1
}

/** Node reads headers as Latin-1; proxies write names in UTF-8. */
function readable(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  if (/^[\x00-\x7f]*$/.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}
