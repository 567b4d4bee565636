import type { GatewayConfig } from '../../config/schema/schema.ts'

/** One checked configuration; immutable. */
export interface ConfigVersion {
  /** 1 is the version of the start. */
  readonly version: number
  readonly config: GatewayConfig
  /** Rows of the endpoints in the shared cells, in the order of the configuration. */
  readonly endpointRows: readonly number[]
}

/** Switches to what was prepared; must not throw. */
export type Commit = () => void

/** Builds what a part of the gateway needs from a version. @throws Error with a reason for display, to refuse it */
export type ConfigFollower = (next: ConfigVersion, current: ConfigVersion) => Commit | undefined

/** Makes the added endpoints of a version known before it is prepared; resolves after a bounded time. */
export type JoinEndpoints = (next: ConfigVersion, current: ConfigVersion) => Promise<void>

/** The configuration of one thread, and what follows it. */
export class ConfigVersions {
  readonly #followers = new Set<ConfigFollower>()
  readonly #joiners = new Set<JoinEndpoints>()
  #current: ConfigVersion
  #prepared: { readonly next: ConfigVersion; readonly commits: readonly Commit[] } | undefined

  constructor(current: ConfigVersion) {
    this.#current = current
  }

  get current(): ConfigVersion {
    return this.#current
  }

  /** @returns a function that ends it */
  follow(follower: ConfigFollower): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  /** For the control thread. */
  onJoin(join: JoinEndpoints): void {
    this.#joiners.add(join)
  }

  async join(next: ConfigVersion): Promise<void> {
    for (const join of this.#joiners) await join(next, this.#current)
  }

  /** Builds everything that the next version needs. @throws Error if a part refuses it; nothing has changed then */
  prepare(next: ConfigVersion): void {
    this.#prepared = undefined
    const commits: Commit[] = []
    for (const follower of this.#followers) {
      const commit = follower(next, this.#current)
      if (commit !== undefined) commits.push(commit)
    }
    this.#prepared = { next, commits }
  }

  /** Switches to the prepared version, at once. @returns false if that version is not prepared */
  commit(version: number): boolean {
    const prepared = this.#prepared
    if (prepared?.next.version !== version) return this.#current.version === version
    this.#prepared = undefined
    this.#current = prepared.next
    for (const commit of prepared.commits) commit()
    return true
  }
}
