import type { BoundedQueue } from '../../kernel/bounded-queue.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { FetchError, type UpstreamFetch } from '../connections/fetch.ts'
import type { Endpoint, EndpointSignals } from '../registry/endpoint.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import { mayAdd, readSource, type SignalValues } from '../signals/signal-source.ts'
import type { EngineSignals } from './engine-signals.ts'
import { nextReadInMs, readTimeoutMs } from './poll-schedule.ts'

export interface EnginePollerServices {
  readonly clock: Clock
  readonly registry: EndpointRegistry
  readonly signals: EngineSignals
  readonly fetch: UpstreamFetch
  readonly queue: BoundedQueue
  /** Requests of this gateway at an endpoint. */
  readonly inFlight: (slot: number) => number
  readonly userAgent: string
}

interface Watch {
  timer: Timer | undefined
  isReading: boolean
  failures: number
  /** Whether the endpoint could not be used when it was last due: its engine may have been restarted. */
  wasOut: boolean
  /** Sources that the engine does not have, by URL, with the time at which they are tried again. */
  readonly missing: Map<string, number>
  /** Counters of the prefix cache at the last reading. */
  hits: number
  queries: number
  hitRate: number | undefined
}

type SourceResult = 'read' | 'unknown' | 'missing' | { readonly error: string; readonly isSilent: boolean }

/** A page of an engine with 32 ranks and many adapters has less than 1 MB. */
const maxPageBytes = 4_194_304
/** When a source that the engine lacks is tried again; sooner if the endpoint was out of service meanwhile. */
const missingForMs = 300_000
/** The same for one without any of the names. */
const unknownForMs = 60_000
/** No such route, or switched off: llama.cpp answers 501 without `--metrics`. */
const missingStatuses: ReadonlySet<number> = new Set([404, 405, 410, 501])

/**
 * Reads what engines say about their load, each at its own times. Readings of one engine never overlap; a bounded queue
 * limits all together. Endpoints that report nothing have no timer.
 */
export class EnginePoller {
  readonly #services: EnginePollerServices
  #intervalMs = 0
  readonly #random: () => number
  readonly #watches: (Watch | undefined)[] = []
  #running = false

  constructor(services: EnginePollerServices, options: { random: () => number }) {
    this.#services = services
    this.#random = options.random
    services.registry.follow({
      present: (endpoint, before) => this.#follow(endpoint, before),
      gone: ({ slot }) => this.#forget(slot),
    })
  }

  /** Reads all engines, with another interval than before if it has run. */
  start(intervalMs: number): void {
    this.stop()
    this.#running = true
    this.#intervalMs = intervalMs
    for (const endpoint of this.#services.registry.snapshot.endpoints) this.#watch(endpoint)
  }

  stop(): void {
    this.#running = false
    for (const watch of this.#watches) watch?.timer?.cancel()
    this.#services.queue.clear()
  }

  #follow(endpoint: Endpoint, before: Endpoint | undefined): void {
    const isSame =
      before !== undefined &&
      before.signals.length === endpoint.signals.length &&
      before.signals.every((source, at) => {
        const next = endpoint.signals[at]
        return (
          next?.url === source.url && next.numbers === source.numbers && next.adapters === source.adapters
        )
      })
    if (isSame && this.#watches[endpoint.slot] !== undefined) return
    this.#forget(endpoint.slot)
    if (this.#running) this.#watch(endpoint)
  }

  #forget(slot: number): void {
    this.#watches[slot]?.timer?.cancel()
    this.#watches[slot] = undefined
  }

  /** The first reading is at a random time, so that those of a large fleet are spread. */
  #watch({ slot, signals }: Endpoint): void {
    if (signals.length === 0) return
    const watch: Watch = {
      timer: undefined,
      isReading: false,
      failures: 0,
      wasOut: false,
      missing: new Map(),
      hits: Number.NaN,
      queries: Number.NaN,
      hitRate: undefined,
    }
    this.#watches[slot] = watch
    this.#arm(slot, watch, this.#intervalMs * this.#random())
  }

  #arm(slot: number, watch: Watch, delayMs: number): void {
    if (!this.#running || this.#watches[slot] !== watch) return
    watch.timer?.cancel()
    watch.timer = this.#services.clock.after(delayMs, () => void this.#due(slot, watch))
  }

  async #due(slot: number, watch: Watch): Promise<void> {
    const { registry, queue } = this.#services
    const endpoint = registry.snapshot.bySlot[slot]
    if (endpoint === undefined) return
    if (!registry.isRoutable(slot)) watch.wasOut = true
    else {
      if (watch.wasOut) {
        watch.wasOut = false
        watch.missing.clear()
      }
      try {
        await queue.push(() => this.#read(endpoint, watch))
      } catch {
        // The queue is full or was cleared: the next reading is due at its time.
      }
    }
    this.#arm(slot, watch, nextReadInMs(this.#intervalMs, watch.failures, this.#random()))
  }

  async #read(endpoint: Endpoint, watch: Watch): Promise<void> {
    const { clock, inFlight, signals } = this.#services
    const { slot } = endpoint
    const known: SignalValues = { numbers: new Map(), adapters: undefined }
    const before = inFlight(slot)
    let error = ''
    let wasAsked = false
    let wasUnknown = false
    for (const source of endpoint.signals) {
      // A further request could wake the engine.
      if (known.numbers.get('sleeping') === 1) break
      if (!mayAdd(source, known)) continue
      const untilMs = watch.missing.get(source.url) ?? 0
      if (clock.monotonicMs() < untilMs) continue
      wasAsked = true
      const result = await this.#readSource(endpoint, source, known)
      if (this.#watches[slot] !== watch || !this.#running) return
      if (result === 'read') watch.missing.delete(source.url)
      else if (typeof result === 'object') {
        error = result.error
        if (result.isSilent) break
      } else {
        wasUnknown ||= result === 'unknown'
        watch.missing.set(
          source.url,
          clock.monotonicMs() + (result === 'unknown' ? unknownForMs : missingForMs),
        )
      }
    }
    if (known.numbers.size > 0 || known.adapters !== undefined) {
      watch.failures = 0
      this.#learnHitRate(watch, known)
      const own = Math.max(before, inFlight(slot))
      signals.succeeded(slot, { ...known, others: othersIn(known, own), hitRate: watch.hitRate })
    } else if (error !== '') {
      watch.failures++
      signals.failed(slot, 'failed', watch.failures, error)
    } else if (wasAsked) {
      signals.failed(slot, wasUnknown ? 'unknown' : 'unsupported', 0, '')
    }
  }

  async #readSource(endpoint: Endpoint, source: EndpointSignals, known: SignalValues): Promise<SourceResult> {
    const { fetch, userAgent } = this.#services
    const isOwn = new URL(source.url).origin === endpoint.origin
    try {
      const answer = await fetch({
        url: source.url,
        headers: ['User-Agent', userAgent, 'Accept', '*/*', ...(isOwn ? endpoint.headers : [])],
        timeoutMs: readTimeoutMs,
        maxBytes: maxPageBytes,
      })
      if (missingStatuses.has(answer.statusCode)) return 'missing'
      if (answer.statusCode !== 200) return { error: `status ${answer.statusCode}`, isSilent: false }
      return readSource(source, answer.body, known) > 0 ? 'read' : 'unknown'
    } catch (failure) {
      return {
        error: failure instanceof FetchError ? failure.message : 'the answer cannot be read',
        isSilent: true,
      }
    }
  }

  /** Counters since the last reading; one that fell belongs to a restarted engine. */
  #learnHitRate(watch: Watch, { numbers }: SignalValues): void {
    const hits = numbers.get('prefix_hits')
    const queries = numbers.get('prefix_queries')
    if (hits === undefined || queries === undefined) {
      watch.hitRate = numbers.get('prefix_hit_rate')
      return
    }
    const asked = queries - watch.queries
    const hit = hits - watch.hits
    if (asked < 0 || hit < 0) watch.hitRate = undefined
    else if (asked > 0) watch.hitRate = Math.min(1, hit / asked)
    watch.hits = hits
    watch.queries = queries
  }
}

/** @param own requests of this gateway during the reading: some of them may have ended in the engine already */
function othersIn({ numbers }: SignalValues, own: number): number | undefined {
  const running = numbers.get('running')
  return running === undefined ? undefined : Math.max(0, running + (numbers.get('waiting') ?? 0) - own)
}
