import { decodeJwt } from 'jose'
import type { TokenAnswer, TokenCallers } from './token-callers.ts'
import { maxTokenLength } from './token-form.ts'

export interface TokenIssuer<Found extends { readonly caller: object }> {
  /** `iss` of its tokens. */
  readonly issuer: string
  readonly callers: Pick<TokenCallers<Found>, 'find'>
}

/** Callers by tokens of several issuers: the claim `iss` of a token selects the one that verifies it. */
export class TokenIssuers<Found extends { readonly caller: object }> {
  readonly #first: TokenIssuer<Found>
  readonly #others: ReadonlyMap<string, TokenIssuer<Found>>
  readonly #onConnection = new WeakMap<object, { readonly token: string; readonly by: TokenIssuer<Found> }>()

  constructor(first: TokenIssuer<Found>, ...others: readonly TokenIssuer<Found>[]) {
    this.#first = first
    this.#others = new Map(others.map((each) => [each.issuer, each]))
  }

  /**
   * @param connection of the request: any object that lives as long
   * @returns a promise only if the token is new
   */
  find(token: string, connection: object, nowMs: number): TokenAnswer<Found> | Promise<TokenAnswer<Found>> {
    return this.#issuerOf(token, connection).callers.find(token, connection, nowMs)
  }

  /** Tokens of no known issuer go to the first one, which says what is wrong with them. */
  #issuerOf(token: string, connection: object): TokenIssuer<Found> {
    if (this.#others.size === 0 || token.length > maxTokenLength) return this.#first
    const last = this.#onConnection.get(connection)
    if (last?.token === token) return last.by
    const by = this.#others.get(issuerIn(token)) ?? this.#first
    this.#onConnection.set(connection, { token, by })
    return by
  }
}

/** Nothing is accepted by what is read here: the issuer that is found verifies the token. */
function issuerIn(token: string): string {
  try {
    return decodeJwt(token).iss ?? ''
  } catch {
    return ''
  }
}
