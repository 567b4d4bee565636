/** An inference server that a provider has found. */
export interface FoundEndpoint {
  /** Absolute `http:` or `https:` URL. */
  readonly url: string
  /** Preferred name; another server with this name gets a suffix. */
  readonly name: string
  /** Keys of an endpoint in the configuration file, except `url` and `name`; they override the provider's template. */
  readonly settings: Readonly<Record<string, unknown>>
  /** For approval rules and people. */
  readonly labels: Readonly<Record<string, string>>
  /** Whether its source lets it take new requests. False removes it at once; requests in flight finish. */
  readonly isReady: boolean
}

/** How a provider reports to the set of found endpoints. */
export interface ProviderReports {
  /** Replaces all endpoints of this provider. */
  found(endpoints: readonly FoundEndpoint[]): void
  /** The source cannot be read now: its last endpoints stay. The reason must be safe to display. */
  failed(reason: string): void
  /** The source does not exist here, for example multicast in a container. */
  unavailable(reason: string): void
}

/** A source of endpoints: a folder, a name server, Kubernetes. */
export interface Provider {
  /** Called once. Reports follow at any time later, never during the call. */
  start(reports: ProviderReports): void
  /** Reads the source again soon. */
  refresh(): void
  stop(): void
}
