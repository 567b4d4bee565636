import { isDeepStrictEqual } from 'node:util'
import type { SectionOptions } from '../../config/options/sections.ts'
import type { BoundedQueue } from '../../kernel/bounded-queue.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { isRoutable } from '../../kernel/endpoint-status.ts'
import type { EventBus, Subscription } from '../../runtime/events/bus.ts'
import type { UpstreamFetch } from '../connections/fetch.ts'
import type { PassiveEvidence } from '../health/health-monitor.ts'
import { detectProfile } from '../profiles/detect.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import { readVersion } from '../profiles/server-version.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import type { ModelCatalog } from './catalog.ts'
import type { DiscoveredModel } from './discovered-model.ts'
import type { DiscoveryRecord, DiscoveryRecords, ModelRefresher } from './discovery-records.ts'
import { ListFormatError, parseModelList, readProps } from './list-parsers.ts'
import { isShortage, noAnswer, shownError } from './read-failure.ts'

export interface ModelDiscoveryOptions
  extends Pick<
    SectionOptions<'discovery'>['modelDiscovery'],
    'intervalMs' | 'timeoutMs' | 'retryAttempts' | 'retryBackoffMs'
  > {
  /** Interval of detection for an endpoint whose backend type is unknown; milliseconds. */
  readonly detectIntervalMs: number
  /** 0 to 1. */
  readonly random: () => number
}

interface Watch {
  timer: Timer | undefined
  flight: Promise<boolean> | undefined
}

/** Delay before repeating a read that failed for lack of the gateway's own resources; milliseconds. */
const shortageRetryMs = 500
/** Model lists of hundreds of models with all details are far smaller (contract 6.1). */
const maxListBytes = 10 * 1024 * 1024

/**
 * Reads the endpoints' model lists: when an endpoint becomes routable, then at intervals, and on demand. Endpoints do
 * not wait for each other; one that fails keeps its list and is retried later.
 */
export class ModelDiscovery implements ModelRefresher {
  readonly #clock: Clock
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #records: DiscoveryRecords
  readonly #events: EventBus
  readonly #report: (slot: number, evidence: PassiveEvidence) => void
  readonly #fetch: UpstreamFetch
  readonly #queue: BoundedQueue
  readonly #profiles: () => readonly BackendProfile[]
  readonly #fallbackProfile: () => BackendProfile | undefined
  readonly #userAgent: string
  #options: ModelDiscoveryOptions
  readonly #watches: (Watch | undefined)[] = []
  /** Slots of endpoints without a configured type. */
  readonly #detected = new Set<number>()
  /** Slots of endpoints reported as having no models. */
  readonly #reportedEmpty = new Set<number>()
  readonly #maxEndpoints: number
  #subscription: Subscription | undefined
  #running = false

  constructor(
    services: {
      clock: Clock
      registry: EndpointRegistry
      catalog: ModelCatalog
      records: DiscoveryRecords
      events: EventBus
      /** Receives what a read shows about the endpoint's health. */
      report: (slot: number, evidence: PassiveEvidence) => void
      fetch: UpstreamFetch
      queue: BoundedQueue
      /** For endpoints of type `auto`. */
      profiles: () => readonly BackendProfile[]
      fallbackProfile: () => BackendProfile | undefined
      userAgent: string
      /** Default: 256. */
      maxEndpoints?: number
    },
    options: ModelDiscoveryOptions,
  ) {
    this.#clock = services.clock
    this.#registry = services.registry
    this.#catalog = services.catalog
    this.#records = services.records
    this.#events = services.events
    this.#report = services.report
    this.#fetch = services.fetch
    this.#queue = services.queue
    this.#profiles = services.profiles
    this.#fallbackProfile = services.fallbackProfile
    this.#userAgent = services.userAgent
    this.#maxEndpoints = services.maxEndpoints ?? 256
    this.#options = options
    for (const { slot } of this.#registry.snapshot.endpoints) this.#watches[slot] = createWatch()
    this.#registry.follow({
      present: (endpoint, before) => this.#follow(endpoint, before),
      gone: ({ slot }) => this.#forget(slot),
    })
  }

  /** Changes the options; another interval counts from now on, everything else from the next read on. */
  setOptions(options: Partial<ModelDiscoveryOptions>): void {
    const { intervalMs } = this.#options
    this.#options = { ...this.#options, ...options }
    if (intervalMs === this.#options.intervalMs || !this.#running) return
    for (const [slot, watch] of this.#watches.entries())
      if (watch?.timer !== undefined && watch.flight === undefined) this.#arm(slot, watch)
  }

  /** Returns at once; discovery reads endpoints as they become routable. */
  start(): void {
    this.#running = true
    this.#subscription = this.#events.subscribe(
      (event) => {
        if (event.type !== 'endpoint.status') return
        const { from, to } = event.data
        const endpoint = this.#registry.snapshot.byName.get(event.data.endpoint)
        if (endpoint === undefined) return
        const recovered = isRoutable(to) && !isRoutable(from)
        // A server that answers can be detected, even if its health route is not the one that was probed.
        const answers = endpoint.profile === undefined && to !== 'offline'
        const isBlind = !isRoutable(to) && !this.#hasListed(endpoint.slot)
        if (recovered || answers || isBlind) void this.refresh(endpoint.slot)
      },
      { types: ['endpoint.status'], capacity: 2 * this.#maxEndpoints },
    )
    for (const { slot } of this.#registry.snapshot.endpoints)
      if (this.#isHealthy(slot) || this.#isUnknown(slot)) void this.refresh(slot)
  }

  stop(): void {
    this.#running = false
    this.#subscription?.close()
    for (const watch of this.#watches) watch?.timer?.cancel()
    this.#queue.clear()
  }

  get isRunning(): boolean {
    return this.#running
  }

  record(slot: number): DiscoveryRecord {
    return this.#records.get(slot)
  }

  refresh(slot: number): Promise<boolean> {
    const watch = this.#watches[slot]
    if (watch === undefined) return Promise.resolve(false)
    watch.flight ??= this.#read(slot, watch).finally(() => {
      watch.flight = undefined
    })
    return watch.flight
  }

  /** The list of a new endpoint is read when it becomes routable, that of another server or path at once. */
  #follow(endpoint: Endpoint, before: Endpoint | undefined): void {
    const { slot } = endpoint
    const watch = this.#watches[slot]
    if (before === undefined || watch === undefined) {
      this.#forget(slot)
      this.#watches[slot] = createWatch()
      if (this.#running && this.#isUnknown(slot)) void this.refresh(slot)
      return
    }
    const isDetected = before.profile === undefined && endpoint.profile !== undefined
    const isSame =
      endpoint.modelUrl === before.modelUrl &&
      endpoint.type === before.type &&
      isDeepStrictEqual(endpoint.modelFilter, before.modelFilter)
    if (isSame || isDetected || !this.#running) return
    this.#detected.delete(slot)
    this.#reportedEmpty.delete(slot)
    // A read that is under way is of the former server.
    if (watch.flight === undefined) void this.refresh(slot)
    else void watch.flight.then(() => this.refresh(slot))
  }

  #forget(slot: number): void {
    this.#watches[slot]?.timer?.cancel()
    this.#watches[slot] = undefined
    this.#detected.delete(slot)
    this.#reportedEmpty.delete(slot)
    this.#catalog.put(slot, undefined)
  }

  async #read(slot: number, watch: Watch): Promise<boolean> {
    watch.timer?.cancel()
    const error = await this.#queue.push(() => this.#readWithRetries(slot)).catch((reason: unknown) => reason)
    if (!this.#running || this.#watches[slot] !== watch) return false
    if (error === undefined) {
      this.#records.succeeded(slot, this.#clock.nowMs())
    } else if (isShortage(error)) {
      this.#arm(slot, watch, shortageRetryMs)
      return false
    } else {
      const reason = shownError(error)
      this.#records.failed(slot, reason)
      if (this.#isNews(slot)) this.#publishFailure(slot, reason)
    }
    this.#arm(slot, watch)
    return error === undefined
  }

  #arm(slot: number, watch: Watch, soonMs?: number): void {
    const { intervalMs, retryBackoffMs: backoffMs, detectIntervalMs, random } = this.#options
    // A list that fails at once must not be requested again without a pause.
    const retryBackoffMs = backoffMs || 1_000
    const endpoint = this.#registry.snapshot.bySlot[slot]
    // A server of unknown type gets no requests, so detection runs as often as probes.
    const maxDelayMs = this.#isUnknown(slot)
      ? Math.min(intervalMs, detectIntervalMs, endpoint?.checkIntervalMs ?? intervalMs)
      : intervalMs
    const failures = this.#records.consecutiveFailures(slot)
    const delayMs =
      failures === 0
        ? maxDelayMs * (1 - 0.1 * random())
        : Math.min(maxDelayMs, retryBackoffMs * 2 ** Math.min(20, failures)) * (0.5 + 0.5 * random())
    watch.timer?.cancel()
    watch.timer = this.#clock.after(soonMs ?? delayMs, () => {
      if (this.#isWorthReading(slot)) void this.refresh(slot)
      else this.#arm(slot, watch)
    })
  }

  /** Whether a failed read is news: it is not for an endpoint that is down anyway. */
  #isNews(slot: number): boolean {
    return this.#isHealthy(slot) || this.#isUnknown(slot) || this.#registry.health(slot) === 'config_error'
  }

  #publishFailure(slot: number, reason: string): void {
    this.#events.publish('discovery.failed', {
      endpoint: this.#registry.snapshot.bySlot[slot]?.name ?? '',
      reason,
      consecutiveFailures: this.#records.consecutiveFailures(slot),
    })
  }

  /**
   * An endpoint that refuses its list recovers when the list can be read. And if only the health route reports a server
   * as down, the list shows which requests may try it.
   */
  #isWorthReading(slot: number): boolean {
    return this.#isNews(slot) || !this.#hasListed(slot)
  }

  #hasListed(slot: number): boolean {
    return this.#catalog.snapshot.byEndpoint.has(slot)
  }

  /** Whether its probes succeed; it may be out of service. */
  #isHealthy(slot: number): boolean {
    return isRoutable(this.#registry.health(slot))
  }

  #isUnknown(slot: number): boolean {
    return this.#registry.snapshot.bySlot[slot]?.profile === undefined
  }

  async #readWithRetries(slot: number): Promise<undefined> {
    const { retryAttempts, retryBackoffMs, random } = this.#options
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#readOnce(slot)
        return undefined
      } catch (error) {
        if (isShortage(error) || attempt >= retryAttempts || !this.#running || !this.#isHealthy(slot))
          throw error
        // The retries take seconds, and the status routes should show the reason before they end.
        this.#records.attemptFailed(slot, shownError(error))
        await this.#sleep(retryBackoffMs * 2 ** attempt * random())
      }
    }
  }

  async #readOnce(slot: number): Promise<void> {
    let endpoint = this.#registry.snapshot.bySlot[slot]
    if (endpoint === undefined) return
    if (endpoint.profile === undefined) {
      endpoint = await this.#detect(endpoint)
      // Probe the type's own health route first; the list follows after a success.
      if (endpoint.profile !== undefined && !this.#isHealthy(slot)) return
    }
    const profile = endpoint.profile ?? this.#fallbackProfile()
    const answer = await this.#request(endpoint, endpoint.modelUrl)
    if (answer.statusCode < 200 || answer.statusCode > 299) {
      const wantsCredentials = answer.statusCode === 401 || answer.statusCode === 403
      const knowsModels = (this.#catalog.snapshot.byEndpoint.get(slot)?.models.length ?? 0) > 0
      if (wantsCredentials && !knowsModels) this.#report(slot, { kind: 'list_refused' })
      const message = `the model list was answered with status ${answer.statusCode}`
      throw new ListFormatError(`${message}${wantsCredentials ? '' : await this.#typeHint(endpoint)}`)
    }
    this.#report(slot, { kind: 'list_read' })
    const { models: listed, cut } = await this.#parse(endpoint, profile, answer.body)
    const models =
      profile?.propsPath === undefined ? listed : await this.#withProps(endpoint, profile.propsPath, listed)
    const version = profile === undefined ? undefined : await this.#serverVersion(endpoint, profile)
    // It may have been removed or got another address meanwhile.
    if (this.#registry.snapshot.bySlot[slot]?.modelUrl !== endpoint.modelUrl) return
    const { added, removed } = this.#catalog.update(endpoint, models, this.#clock.nowMs(), version)
    this.#events.publish('discovery.completed', {
      endpoint: endpoint.name,
      models: models.length,
      added,
      removed,
      ignored: cut,
    })
    // Routing already uses the new list.
    if (listed.length === 0) await this.#reportEmpty(endpoint)
  }

  async #parse(endpoint: Endpoint, profile: BackendProfile | undefined, body: Buffer) {
    try {
      return parseModelList(profile?.listFormat ?? 'openai', body)
    } catch (error) {
      if (!(error instanceof ListFormatError)) throw error
      throw new ListFormatError(`${error.message}${await this.#typeHint(endpoint)}`)
    }
  }

  /** Reports a healthy endpoint without models: it gets no requests, and nothing else shows why. */
  async #reportEmpty(endpoint: Endpoint): Promise<void> {
    if (this.#reportedEmpty.has(endpoint.slot)) return
    this.#reportedEmpty.add(endpoint.slot)
    this.#publishFailure(endpoint.slot, `it answers, but lists no models${await this.#typeHint(endpoint)}`)
  }

  /** If a server does not answer as its type does, hints at the type that it appears to be. */
  async #typeHint(endpoint: Endpoint): Promise<string> {
    const { slot, url, profile } = endpoint
    const isOfFile = profile !== undefined && !this.#detected.has(slot)
    if (!isOfFile || this.#records.consecutiveFailures(slot) > 0) return ''
    const { profile: seen } = await detectProfile(this.#profiles(), (path) =>
      this.#request(endpoint, `${url}${path}`).catch(noAnswer),
    ).catch(() => ({ profile: undefined }))
    if (seen?.name === profile.name) return ''
    const other = seen === undefined ? '' : `it looks like ${seen.name}; `
    return `; ${other}its type is ${profile.name}: try type: auto`
  }

  /** The context length that the server runs its one model with takes precedence over the model's own. */
  async #withProps(endpoint: Endpoint, path: string, models: readonly DiscoveredModel[]) {
    const answer = await this.#request(endpoint, `${endpoint.url}${path}`).catch(() => undefined)
    const props = answer?.statusCode === 200 ? readProps(answer.body) : undefined
    if (props === undefined) return models
    return models.map((model) => ({
      ...model,
      ...props,
      ...(model.abilities === undefined ? {} : { abilities: { ...model.abilities, ...props.abilities } }),
    }))
  }

  async #serverVersion(endpoint: Endpoint, { version }: BackendProfile): Promise<string | undefined> {
    if (version === undefined) return undefined
    const answer = await this.#request(endpoint, `${endpoint.url}${version.path}`).catch(() => undefined)
    return answer?.statusCode === 200 ? readVersion(answer.body, version.pointer) : undefined
  }

  async #detect(endpoint: Endpoint): Promise<Endpoint> {
    const { slot, name, url } = endpoint
    const { profile, wantsCredentials } = await detectProfile(this.#profiles(), (path) =>
      this.#request(endpoint, `${url}${path}`).catch(noAnswer),
    )
    if (profile === undefined) {
      if (wantsCredentials) this.#report(slot, { kind: 'list_refused' })
      return endpoint
    }
    this.#detected.add(slot)
    this.#registry.setProfile(slot, profile)
    this.#events.publish('endpoint.detected', { endpoint: name, profile: profile.name })
    return this.#registry.snapshot.bySlot[slot] ?? endpoint
  }

  #request(endpoint: Endpoint, url: string) {
    return this.#fetch({
      url,
      headers: ['User-Agent', this.#userAgent, 'Accept', 'application/json', ...endpoint.headers],
      timeoutMs: this.#options.timeoutMs,
      maxBytes: maxListBytes,
    })
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve)
    })
  }
}

function createWatch(): Watch {
  return { timer: undefined, flight: undefined }
}
