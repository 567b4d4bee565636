import type { ModelAccess } from '../../routing/models/access.ts'

/** Who sends a request. One object for all requests of a key, so caches may use it as their key. */
export interface Caller {
  readonly keyId: string
  readonly keyName: string
  readonly owner: string | undefined
  readonly team: string | undefined
  /** Undefined if the caller may use all models and endpoints. */
  readonly access: ModelAccess | undefined
  /** Undefined if no policy sets parameters. */
  readonly parameters: CallerParameters | undefined
  /** For a waiting line: its class, and its share within the class. */
  readonly priority: 'high' | 'normal' | 'low'
  readonly weight: number
}

/** Default parameters and maximum values for the requests of a caller. */
export interface CallerParameters {
  /**
   * @param path as requested from the endpoint
   * @returns the same buffer if nothing changes
   */
  apply(body: Buffer, path: string): Buffer
}

/** Headers in which a proxy names callers. */
export interface IdentityHeaders {
  /** In lower case, with dashes for underscores; endpoints do not get the client's. */
  readonly names: ReadonlySet<string>
  /** What endpoints get instead, as flat name/value pairs. */
  readonly pairs: readonly string[]
}

/** What a request has reserved of its caller's limits. Only the meter that made it reads it. */
export interface Charge {
  readonly isSettled: boolean
}
