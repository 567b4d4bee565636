import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'

/** `proxy.stream_upstream` of the configuration. */
export type StreamUpstream = 'auto' | 'always' | 'never'

/** What an answer has shown about streams of one path at an endpoint. */
export interface StreamFact {
  readonly slot: number
  readonly path: string
  /** The model for which the endpoint refused a stream; undefined if it streams. */
  readonly refusedModel: string | undefined
}

/** What is known about streams at one endpoint. */
interface Known {
  readonly paths: Set<string>
  /** Until when each path and model counts as refused; monotonic milliseconds. */
  readonly refusedUntilMs: Map<string, number>
}

/** A server may be updated, so it is asked again after this time. */
const refusedMs = 1_800_000
/** Maximum paths, and refused models, kept per endpoint. */
const maxPaths = 64
const maxRefused = 256

type StreamedEndpoint = Pick<RoutedEndpoint, 'endpoint' | 'nativeModel'>

/**
 * Knows which endpoints stream, from streams that have ended properly, and which refuse it. Reconfiguring an endpoint
 * forgets what is known.
 */
export class StreamKnowledge {
  readonly #isAlways: boolean
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #known = new WeakMap<Endpoint, Known>()
  readonly #versionOf: (slot: number) => string | undefined
  #hasFacts = false
  #listener: (fact: StreamFact) => void = () => {}

  /** @param versionOf the version that an endpoint's server reports */
  constructor(
    mode: Exclude<StreamUpstream, 'never'>,
    clock: Pick<Clock, 'monotonicMs'>,
    versionOf: (slot: number) => string | undefined = () => undefined,
  ) {
    this.#versionOf = versionOf
    this.#isAlways = mode === 'always'
    this.#clock = clock
  }

  /** Whether any endpoint may be asked for a stream that its client did not request. */
  get mayApply(): boolean {
    return this.#isAlways || this.#hasFacts
  }

  /** @param listener receives facts that this thread learns */
  onLearned(listener: (fact: StreamFact) => void): void {
    this.#listener = listener
  }

  /** Whether to ask an endpoint for a stream that its client did not request. */
  asks({ endpoint, nativeModel }: StreamedEndpoint, path: string): boolean {
    const known = this.#known.get(endpoint)
    if (known === undefined) return this.#isAlways
    if (!this.#isAlways && !known.paths.has(path)) return false
    if (known.refusedUntilMs.size === 0) return true
    const untilMs = known.refusedUntilMs.get(keyOf(path, nativeModel))
    return untilMs === undefined || untilMs <= this.#clock.monotonicMs()
  }

  /** Whether streams of a path have ended properly at an endpoint. */
  streams(endpoint: Endpoint, path: string): boolean {
    return this.#known.get(endpoint)?.paths.has(path) === true
  }

  /** The version of an endpoint's server; undefined if it is not known. */
  versionOf({ slot }: Endpoint): string | undefined {
    return this.#versionOf(slot)
  }

  /** A stream has ended properly. */
  ended({ endpoint }: StreamedEndpoint, path: string): void {
    if (this.#addPath(endpoint, path)) {
      this.#listener({ slot: endpoint.slot, path, refusedModel: undefined })
    }
  }

  /** An endpoint has accepted a request after it refused to stream the answer, or its stream lacks what the answer has. */
  refused({ endpoint, nativeModel = '' }: StreamedEndpoint, path: string): void {
    this.#addRefusal(endpoint, path, nativeModel)
    this.#listener({ slot: endpoint.slot, path, refusedModel: nativeModel })
  }

  /** Takes what another thread has learned. */
  take({ path, refusedModel }: StreamFact, endpoint: Endpoint): void {
    if (refusedModel === undefined) this.#addPath(endpoint, path)
    else this.#addRefusal(endpoint, path, refusedModel)
  }

  /** An endpoint may be another server now. */
  forget(endpoint: Endpoint): void {
    this.#known.delete(endpoint)
  }

  /** @returns whether it was not known */
  #addPath(endpoint: Endpoint, path: string): boolean {
    const { paths } = this.#of(endpoint)
    if (paths.has(path) || paths.size >= maxPaths) return false
    paths.add(path)
    this.#hasFacts = true
    return true
  }

  #addRefusal(endpoint: Endpoint, path: string, model: string): void {
    const { refusedUntilMs } = this.#of(endpoint)
    const [oldest] = refusedUntilMs.keys()
    if (refusedUntilMs.size >= maxRefused && oldest !== undefined) refusedUntilMs.delete(oldest)
    refusedUntilMs.set(keyOf(path, model), this.#clock.monotonicMs() + refusedMs)
  }

  #of(endpoint: Endpoint): Known {
    let known = this.#known.get(endpoint)
    if (known === undefined) {
      known = { paths: new Set(), refusedUntilMs: new Map() }
      this.#known.set(endpoint, known)
    }
    return known
  }
}

function keyOf(path: string, model = ''): string {
  return `${path} ${model}`
}
