import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import type { IssuerOptions } from '../../config/options/issuers.ts'
import type { Claims } from './claims.ts'
import type { PublicKey } from './key-set.ts'
import type { TokenRefusal } from './refusals.ts'
import { maxTokenLength } from './token-form.ts'

export type VerifierOptions = Pick<IssuerOptions, 'issuer' | 'audience' | 'algorithms' | 'clockToleranceMs'>

export type Verdict =
  | { readonly claims: Claims & { readonly exp: number }; readonly refusal: undefined }
  | { readonly claims: undefined; readonly refusal: TokenRefusal }

type KeyFinder = ReturnType<typeof createLocalJWKSet>

/** Keys of a set that are tried for a token that does not name one. */
const maxTriedKeys = 8

/** Verifies tokens with the keys that it has. */
export class TokenVerifier {
  readonly #options: VerifierOptions
  #findKey: KeyFinder | undefined

  constructor(options: VerifierOptions) {
    this.#options = options
  }

  get hasKeys(): boolean {
    return this.#findKey !== undefined
  }

  setKeys(keys: readonly PublicKey[] | undefined): void {
    this.#findKey =
      keys === undefined ? undefined : createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) })
  }

  /** @returns `unknown_key` without keys */
  async verify(token: string, nowMs: number): Promise<Verdict> {
    const early = this.#earlyRefusal(token, nowMs)
    if (early !== undefined) return refused(early)
    const findKey = this.#findKey
    if (findKey === undefined) return refused('unknown_key')
    try {
      return await this.#verifyWith(token, findKey, nowMs)
    } catch (error) {
      return refused(refusalOf(error))
    }
  }

  /**
   * What needs no key: a token of another issuer, or an old one whose key is gone, must not make the gateway fetch keys.
   * Nothing is accepted by what is read here.
   */
  #earlyRefusal(token: string, nowMs: number): TokenRefusal | undefined {
    if (token.length > maxTokenLength) return 'too_long'
    try {
      const accepted: readonly unknown[] = this.#options.algorithms
      if (!accepted.includes(decodeProtectedHeader(token).alg)) return 'algorithm'
      const { iss, exp } = decodeJwt(token)
      if (iss !== this.#options.issuer) return 'issuer'
      if (typeof exp !== 'number') return 'claims'
      return exp * 1000 + this.#options.clockToleranceMs <= nowMs ? 'expired' : undefined
    } catch {
      return 'malformed'
    }
  }

  async #verifyWith(token: string, findKey: KeyFinder, nowMs: number): Promise<Verdict> {
    const { issuer, audience, algorithms, clockToleranceMs } = this.#options
    const options: JWTVerifyOptions = {
      issuer,
      audience: [...audience],
      algorithms: [...algorithms],
      clockTolerance: clockToleranceMs / 1000,
      currentDate: new Date(nowMs),
      requiredClaims: ['exp'],
    }
    try {
      return accepted((await jwtVerify(token, findKey, options)).payload)
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      let tried = 0
      for await (const key of error) {
        if (++tried > maxTriedKeys) break
        try {
          return accepted((await jwtVerify(token, key, options)).payload)
        } catch (failed) {
          if (!(failed instanceof errors.JWSSignatureVerificationFailed)) throw failed
        }
      }
      return refused('signature')
    }
  }
}

function accepted(payload: Claims): Verdict {
  const { exp } = payload
  return typeof exp === 'number' ? { claims: { ...payload, exp }, refusal: undefined } : refused('claims')
}

function refused(refusal: TokenRefusal): Verdict {
  return { claims: undefined, refusal }
}

function refusalOf(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return 'audience'
    if (error.claim === 'iss') return 'issuer'
    return error.claim === 'nbf' ? 'not_yet_valid' : 'claims'
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature'
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return 'algorithm'
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknown_key'
  // Also a key that does not fit the algorithm, such as an RSA key of less than 2,048 bits: jose throws a TypeError.
  return error instanceof TypeError ? 'algorithm' : 'malformed'
}
