import { NetworkList } from '../../http/client-address.ts'
import { isIpLiteral, normalName, readHost, shownValue } from '../../http/host-name.ts'
import type { AdminToken } from './admin-token.ts'
import type { TokenTries } from './token-tries.ts'

/** Maximum body size of routes below `/internal`, independent of the limit for inference. */
export const maxInternalBodyBytes = 1_048_576

export interface InternalAccessOptions {
  /** Networks that have access. */
  readonly allowedCidrs: readonly string[]
  /** Allowed host names; IP literals are always allowed. */
  readonly allowedHosts: readonly string[]
  /** Grants access from anywhere, under any host name; undefined if none is configured. */
  readonly token: AdminToken | undefined
  /** Limits wrong tokens; unlimited if absent. */
  readonly tries?: TokenTries | undefined
}

/** The parts of a request that the check uses. */
export interface AccessRequest {
  /** Address of the connection. */
  readonly peer: string
  /** Address of the client behind trusted proxies; the peer's address if there are none. */
  readonly client: string
  /** Rate limit key of the client; its address by default. */
  readonly limitKey?: string
  readonly host: string | undefined
  /** The original `Host` field, if the authority of an absolute target has replaced it. */
  readonly hostField?: string | undefined
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

export interface AccessRefusal {
  readonly allowed: false
  /** 401 if a token would help, 429 after too many wrong ones. */
  readonly status: 401 | 403 | 429
  /** Seconds until the gateway accepts another token; with 429. */
  readonly retryAfterSeconds?: number
  /** Olla's text (contract 9.4). */
  readonly message: string
}

export type AccessDecision = { readonly allowed: true; readonly by: 'address' | 'token' } | AccessRefusal

/**
 * Decides who may see and do what the dashboard shows. Access by address requires both: the address is in an allowed
 * network, and the `Host` is an IP literal or an allowed name. Without the second, a page of another site could make
 * its own host name resolve to this machine and read everything through its visitor's browser (DNS rebinding). A token
 * needs neither: a browser does not send it under a foreign name.
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
    // A trusted proxy with an allowed address must not pass its access on to its clients.
    if (!this.#networks.has(peer) || !this.#networks.has(client)) {
      return this.#refuse(`ip not in allowed range (ip=${client}, host=${shownValue(host)})`)
    }
    for (const name of [host, request.hostField ?? host]) {
      if (!this.acceptsHost(name)) return this.#refuse(`host not accepted (${shownValue(name)})`)
    }
    return byAddress
  }

  /** Checks a token: right, wrong, or one too many for this client. */
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

  /** Whether the `Host` header is an IP literal or an allowed name, ignoring port and case. */
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

/** Returns the token of `Authorization: Bearer`; undefined for any other scheme. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)\s*$/i.exec(authorization ?? '')?.[1]
}
