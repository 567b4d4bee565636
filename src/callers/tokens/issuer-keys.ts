import type { UpstreamFetch } from '../../endpoints/connections/fetch.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { discoveryUrl, type PublicKey, readDiscovery, readKeySet } from './key-set.ts'

export interface IssuerKeysOptions {
  readonly issuer: string
  readonly jwksUrl?: string | undefined
  readonly refreshIntervalMs: number
  readonly refetchIntervalMs: number
  readonly staleLimitMs: number
  readonly fetchTimeoutMs: number
}

/** What threads know of an issuer: plain data. */
export interface IssuerState {
  /** Undefined before the first fetch, and when they are stale. */
  readonly keys: readonly PublicKey[] | undefined
  /** Whether the last fetch succeeded, so that a key that is not there does not exist. */
  readonly isCurrent: boolean
}

export const unknownIssuer: IssuerState = { keys: undefined, isCurrent: false }

const maxDocumentBytes = 1_048_576
/** Delays after failed fetches. */
const firstRetryMs = 1_000
const maxRetryMs = 60_000

/** Fetches the keys of an issuer: at intervals, and on demand at a bounded pace. Keeps the last ones in an outage. */
export class IssuerKeys {
  readonly #clock: Clock
  readonly #fetch: UpstreamFetch
  readonly #options: IssuerKeysOptions
  readonly #onState: (state: IssuerState, reason: string | undefined) => void
  #state = unknownIssuer
  #keysUrl: string | undefined
  #fetchedMs = 0
  #triedMs = Number.NEGATIVE_INFINITY
  #failures = 0
  #running: Promise<void> | undefined
  #timer: Timer | undefined
  #isStopped = false

  /** @param services.onState called when the keys or their state change, and for the first failure */
  constructor(
    services: {
      clock: Clock
      fetch: UpstreamFetch
      onState: (state: IssuerState, reason: string | undefined) => void
    },
    options: IssuerKeysOptions,
  ) {
    this.#clock = services.clock
    this.#fetch = services.fetch
    this.#onState = services.onState
    this.#options = options
  }

  get state(): IssuerState {
    return this.#state
  }

  /** Begins; resolves after the first fetch, whatever it brought. */
  start(): Promise<void> {
    return this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Fetches the keys for a token that is signed with an unknown one, unless that was done recently. */
  async refetch(): Promise<IssuerState> {
    const sinceMs = this.#clock.monotonicMs() - this.#triedMs
    if (this.#running !== undefined || sinceMs >= this.#options.refetchIntervalMs) await this.#run()
    return this.#state
  }

  #run(): Promise<void> {
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined
      this.#arm()
    })
    return this.#running
  }

  #arm(): void {
    this.#timer?.cancel()
    if (this.#isStopped) return
    const { refreshIntervalMs, staleLimitMs } = this.#options
    let delayMs = refreshIntervalMs
    if (this.#failures > 0) {
      delayMs = Math.min(delayMs, maxRetryMs, firstRetryMs * 2 ** Math.min(this.#failures - 1, 10))
      const staleInMs = this.#fetchedMs + staleLimitMs - this.#clock.monotonicMs()
      if (this.#state.keys !== undefined) delayMs = Math.min(delayMs, Math.max(1, staleInMs))
    }
    this.#timer = this.#clock.after(delayMs, () => void this.#run())
  }

  async #attempt(): Promise<void> {
    this.#triedMs = this.#clock.monotonicMs()
    try {
      const keys = readKeySet(await this.#read(await this.#findUrl()))
      this.#fetchedMs = this.#clock.monotonicMs()
      this.#failures = 0
      this.#become(isSame(keys, this.#state.keys) ? this.#state.keys : keys, true, undefined)
    } catch (error) {
      this.#failures++
      // It may have moved.
      this.#keysUrl = undefined
      const isStale = this.#clock.monotonicMs() - this.#fetchedMs >= this.#options.staleLimitMs
      const reason = error instanceof Error ? error.message : String(error)
      this.#become(isStale ? undefined : this.#state.keys, false, reason)
    }
  }

  async #findUrl(): Promise<string> {
    const { issuer, jwksUrl } = this.#options
    this.#keysUrl ??= jwksUrl ?? readDiscovery(await this.#read(discoveryUrl(issuer)), issuer)
    return this.#keysUrl
  }

  async #read(url: string): Promise<Buffer> {
    const { statusCode, body } = await this.#fetch({
      url,
      headers: ['Accept', 'application/json'],
      timeoutMs: this.#options.fetchTimeoutMs,
      maxBytes: maxDocumentBytes,
    })
    if (statusCode !== 200) throw new Error(`${new URL(url).pathname} answered ${statusCode}`)
    return body
  }

  #become(keys: IssuerState['keys'], isCurrent: boolean, reason: string | undefined): void {
    const isFirst = this.#failures === 1 && !isCurrent
    const before = this.#state
    if (keys === before.keys && isCurrent === before.isCurrent && !isFirst) return
    this.#state = { keys, isCurrent }
    this.#onState(this.#state, reason)
  }
}

function isSame(keys: readonly PublicKey[], known: IssuerState['keys']): boolean {
  return JSON.stringify(keys) === JSON.stringify(known)
}
