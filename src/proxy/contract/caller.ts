import type { Endpoint } from '../../endpoints/registry/endpoint.ts'

/** Who sends a request. One object for all requests of a key, so caches may use it as their key. */
export interface Caller {
  readonly keyId: string
  readonly keyName: string
  readonly owner: string | undefined
  readonly team: string | undefined
  /** Undefined if the caller may use all models and endpoints. */
  readonly access: CallerAccess | undefined
  /** For a waiting line: its class, and its share within the class. */
  readonly priority: 'high' | 'normal' | 'low'
  readonly weight: number
}

/** What a caller may use. The answers never change: a changed policy is a new object. */
export interface CallerAccess {
  /** @param name of a model or an alias, as a client spells it */
  allowsModel(name: string): boolean
  allowsEndpoint(endpoint: Endpoint): boolean
}

/** What a request has reserved of its caller's limits. Only the meter that made it reads it. */
export interface Charge {
  readonly isSettled: boolean
}
