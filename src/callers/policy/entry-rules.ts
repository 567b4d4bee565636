import type { Policy } from '../../config/schema/callers-schema.ts'
import { NetworkList } from '../../http/client-address.ts'
import { canonicalPath } from '../../kernel/canonical-path.ts'
import { matchesLower } from '../../kernel/names/glob.ts'
import { Remembered } from '../../kernel/remembered.ts'

type EntryPolicy = Pick<Policy, 'dialects' | 'routes' | 'networks'>

/** A request as far as its head goes. */
export interface Entry {
  readonly dialect: string
  /** Below the gateway's own prefix, without a query. */
  readonly path: string
  readonly clientAddress: string
}

/** Why a request may not enter. */
export type EntryRefusal = 'dialect' | 'route' | 'network'

/** What a policy says about a request before its body is read. */
export class EntryRules {
  readonly #dialects: ReadonlySet<string> | undefined
  readonly #routes: readonly string[]
  readonly #networks: NetworkList | undefined
  readonly #knownPaths = new Remembered<boolean>(200)

  constructor({ dialects, routes, networks }: EntryPolicy) {
    this.#dialects = dialects.length === 0 ? undefined : new Set(dialects)
    this.#routes = routes.map((glob) => glob.toLowerCase())
    this.#networks = networks.length === 0 ? undefined : new NetworkList(networks)
  }

  /** @returns undefined if the request may enter */
  refusal({ dialect, path, clientAddress }: Entry): EntryRefusal | undefined {
    if (this.#networks !== undefined && !this.#networks.has(clientAddress)) return 'network'
    if (this.#dialects !== undefined && !this.#dialects.has(dialect)) return 'dialect'
    return this.#routes.length > 0 && !this.#allowsPath(path) ? 'route' : undefined
  }

  #allowsPath(path: string): boolean {
    const known = this.#knownPaths.get(path)
    if (known !== undefined) return known
    const canonical = canonicalPath(path)
    const native = nativePath(canonical)
    const allowed = this.#routes.some((glob) => matchesLower(glob, canonical) || matchesLower(glob, native))
    this.#knownPaths.set(path, allowed)
    return allowed
  }
}

/** @returns undefined if the policy allows every request to enter */
export function entryRulesOf(policy: EntryPolicy): EntryRules | undefined {
  const { dialects, routes, networks } = policy
  return dialects.length + routes.length + networks.length === 0 ? undefined : new EntryRules(policy)
}

/** The path without `/olla/proxy` or `/olla/<provider>`, as an endpoint knows it. */
function nativePath(path: string): string {
  if (!path.startsWith('/olla/')) return path
  const end = path.indexOf('/', 6)
  return end < 0 ? path : path.slice(end)
}
