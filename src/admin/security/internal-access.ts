import { NetworkList } from '../../http/client-address.ts'
import { isIpLiteral, normalName, readHost, shownValue } from '../../http/host-name.ts'
import type { AdminToken } from './admin-token.ts'
import type { TokenTries } from './token-tries.ts'

/** Largest body of a route below `/internal`, however large those of inference may be. */
export const maxInternalBodyBytes = 1_048_576

export interface InternalAccessOptions {
  /** Networks whose addresses are let in. */
  readonly allowedCidrs: readonly string[]
  /** Host names under which they are; IP literals always are. */
  readonly allowedHosts: readonly string[]
  /** Lets in from anywhere, under any name; undefined where none is configured. */
  readonly token: AdminToken | undefined
  /** Limits wrong tokens; without it there is no limit. */
  readonly tries?: TokenTries | undefined
}

/** What is looked at of a request. */
export interface AccessRequest {
  /** Address of the connection. */
  readonly peer: string
  /** Address of the client as far as proxies are trusted; the peer's where none is. */
  readonly client: string
  /** The client as limits count it; its address by default. */
  readonly limitKey?: string
  readonly host: string | undefined
  /** The `Host` field itself, where the authority of an absolute target has replaced it. */
  readonly hostField?: string | undefined
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

export interface AccessRefusal {
  readonly allowed: false
  /** 401 where a token would help, 429 after too many wrong ones. */
  readonly status: 401 | 403 | 429
  /** Seconds until a token is looked at again; with 429. */
  readonly retryAfterSeconds?: number
  /** Olla's text (contract 9.4). */
  readonly message: string
}

export type AccessDecision = { readonly allowed: true; readonly by: 'address' | 'token' } | AccessRefusal

/**
 * Who may see and do what the dashboard shows. By address both are required: the address lies in an allowed
 * network, and the `Host` is an IP literal or an allowed name. Without the second a page of another site could
 * let its own name point here and read everything through its visitor's browser (DNS rebinding). A token needs
 * neither: under a foreign name a browser has it not.
 */
export class InternalAccess {
  readonly #networks: NetworkList
  readonly #hosts: ReadonlySet<string>
  readonly #token: AdminToken | undefined
  readonly #tries: TokenTries | undefined

  constructor({ allowedCidrs, allowedHosts, token, tries }: InternalAccessOptions) {
    this.#networks = new NetworkList(allowedCidrs)
    this.#hosts = new Set(allowedHosts.map(normalName))
    this.#token = token
    this.#tries = tries
  }

  get hasToken(): boolean {
    return this.#token !== undefined
  }

  /** @param monotonicMs for the limit of wrong tokens */
  decide(request: AccessRequest, nowMs: number, monotonicMs: number): AccessDecision {
    const { peer, client, host, authorization, cookie } = request
    if (this.#token !== undefined) {
      const bearer = bearerOf(authorization)
      if (bearer !== undefined) return this.compare(bearer, request.limitKey ?? client, monotonicMs)
      if (this.#token.hasSession(cookie, nowMs)) return byToken
    }
    // A trusted proxy on an allowed address must not lend it to its clients.
    if (!this.#networks.has(peer) || !this.#networks.has(client)) {
      return this.#refuse(`ip not in allowed range (ip=${client}, host=${shownValue(host)})`)
    }
    for (const name of [host, request.hostField ?? host]) {
      if (!this.acceptsHost(name)) return this.#refuse(`host not accepted (${shownValue(name)})`)
    }
    return byAddress
  }

  /** A try with the token: right, wrong, or one too many for this client. */
  compare(shown: string, limitKey: string, monotonicMs: number): AccessDecision {
    const waitMs = this.#tries?.take(limitKey, monotonicMs) ?? 0
    if (waitMs > 0) {
      const retryAfterSeconds = Math.ceil(waitMs / 1000)
      const message = `429 too many wrong tokens: try again in ${retryAfterSeconds} s`
      return { allowed: false, status: 429, message, retryAfterSeconds }
    }
    if (this.#token?.matches(shown) !== true) return this.#refuse('the token is not valid')
    this.#tries?.giveBack(limitKey)
    return byToken
  }

  /** Whether the `Host` header is an IP literal or an allowed name; ports and letter case aside. */
  acceptsHost(host: string | undefined): boolean {
    if (host === undefined) return false
    const name = readHost(host)?.name
    return name !== undefined && (isIpLiteral(name) || this.#hosts.has(name))
  }

  #refuse(reason: string): AccessDecision {
    return this.hasToken
      ? { allowed: false, status: 401, message: `401 unauthorized: ${reason}` }
      : { allowed: false, status: 403, message: `403 forbidden: ${reason}` }
  }
}

const byToken: AccessDecision = { allowed: true, by: 'token' }
const byAddress: AccessDecision = { allowed: true, by: 'address' }

/** The token of `Authorization: Bearer`; undefined for every other scheme. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)\s*$/i.exec(authorization ?? '')?.[1]
}
