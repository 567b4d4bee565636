import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { ExternalIdentity } from '../identity/external-identity.ts'
import { type ClaimRules, hasRequired, identityOf } from './claims.ts'
import type { IssuerState } from './issuer-keys.ts'
import type { TokenRefusal } from './refusals.ts'
import type { TokenVerifier } from './token-verifier.ts'

/** Finds the callers that tokens identify. */
export interface ExternalDirectory<Found> {
  readonly revision: number
  external(identity: ExternalIdentity): Found
}

export type TokenAnswer<Found> =
  | Found
  /** `required` is a valid token without a required claim; `unavailable` may become valid once the issuer is back. */
  | { readonly caller: undefined; readonly refusal: TokenRefusal | 'required' | 'unavailable' }

/** A verified token. */
interface Verified<Found> {
  /** Undefined without a required claim. */
  readonly identity: ExternalIdentity | undefined
  readonly endsAtMs: number
  revision: number
  found: Found | undefined
}

export interface TokenCallersOptions extends ClaimRules {
  readonly clockToleranceMs: number
  readonly maxCachedTokens: number
}

export interface TokenCallersServices<Found> {
  readonly directory: ExternalDirectory<Found>
  readonly verifier: Pick<TokenVerifier, 'hasKeys' | 'setKeys' | 'verify'>
  /** Fetches the issuer's keys again, at a bounded pace, and calls `setState` if they have changed. */
  readonly refetch: () => Promise<void>
}

/**
 * Callers by their tokens. A token is verified once and then found by its hash until it expires, or until the issuer's
 * keys change. A connection that sends the same token again needs no hash either.
 */
export class TokenCallers<Found extends { readonly caller: object }> {
  readonly #services: TokenCallersServices<Found>
  readonly #options: TokenCallersOptions
  readonly #verified: LRUCache<string, Verified<Found>>
  #onConnection = new WeakMap<object, { readonly token: string; readonly verified: Verified<Found> }>()
  readonly #running = new Map<string, Promise<TokenAnswer<Found>>>()
  #state: IssuerState = { keys: undefined, isCurrent: false }

  constructor(services: TokenCallersServices<Found>, options: TokenCallersOptions) {
    this.#services = services
    this.#options = options
    this.#verified = new LRUCache({ max: options.maxCachedTokens })
  }

  /** Number of remembered tokens. */
  get size(): number {
    return this.#verified.size
  }

  setState(state: IssuerState): void {
    const hasChanged = JSON.stringify(state.keys) !== JSON.stringify(this.#state.keys)
    this.#state = state
    if (!hasChanged) return
    // A token of a key that the issuer has withdrawn must be verified again.
    this.#verified.clear()
    this.#onConnection = new WeakMap()
    this.#services.verifier.setKeys(state.keys)
  }

  /**
   * @param connection of the request: any object that lives as long
   * @returns a promise only if the token is new
   */
  find(token: string, connection: object, nowMs: number): TokenAnswer<Found> | Promise<TokenAnswer<Found>> {
    const last = this.#onConnection.get(connection)
    if (last?.token === token && nowMs < last.verified.endsAtMs) return this.#answer(last.verified)
    const hashed = hash('sha256', token, 'base64url')
    const verified = this.#verified.get(hashed)
    if (verified !== undefined && nowMs < verified.endsAtMs) {
      this.#onConnection.set(connection, { token, verified })
      return this.#answer(verified)
    }
    const running = this.#running.get(hashed)
    if (running !== undefined) return running
    const verification = this.#verify(token, hashed, nowMs).finally(() => this.#running.delete(hashed))
    this.#running.set(hashed, verification)
    return verification
  }

  async #verify(token: string, hashed: string, nowMs: number): Promise<TokenAnswer<Found>> {
    const { verifier, refetch } = this.#services
    let { keys } = this.#state
    let verdict = await verifier.verify(token, nowMs)
    if (verdict.refusal === 'unknown_key') {
      await refetch()
      if (keys !== this.#state.keys) {
        keys = this.#state.keys
        verdict = await verifier.verify(token, nowMs)
      }
    }
    const { claims, refusal } = verdict
    if (refusal !== undefined) {
      const mayBeNew = refusal === 'unknown_key' && !(verifier.hasKeys && this.#state.isCurrent)
      return { caller: undefined, refusal: mayBeNew ? 'unavailable' : refusal }
    }
    const identity = identityOf(claims, this.#options)
    if (identity === undefined) return { caller: undefined, refusal: 'claims' }
    const verified: Verified<Found> = {
      identity: hasRequired(claims, this.#options.requiredClaims) ? identity : undefined,
      endsAtMs: claims.exp * 1000 + this.#options.clockToleranceMs,
      revision: 0,
      found: undefined,
    }
    // Not if the keys have changed while it was verified.
    if (keys === this.#state.keys) this.#verified.set(hashed, verified)
    return this.#answer(verified)
  }

  #answer(verified: Verified<Found>): TokenAnswer<Found> {
    const { identity, found, revision } = verified
    if (identity === undefined) return { caller: undefined, refusal: 'required' }
    const { directory } = this.#services
    if (found !== undefined && revision === directory.revision) return found
    verified.found = directory.external(identity)
    verified.revision = directory.revision
    return verified.found
  }
}
