import { ConfigError } from '../../config/schema/diagnostics.ts'
import type { EndpointConfig } from '../../config/schema/schema.ts'

/** Keys of an endpoint in the form of the file. */
export type EndpointInput = Readonly<Record<string, unknown>>

/** What an operator has decided about the endpoint of a name. */
export type OverlayEntry =
  | { readonly kind: 'added'; readonly value: EndpointInput }
  /** Keys that replace those of the endpoint; null removes a key, which then has its default. */
  | { readonly kind: 'changed'; readonly patch: EndpointInput }
  | { readonly kind: 'removed' }

export interface OverlayOptions {
  /** Reads an endpoint in the form of the file. @throws ConfigError */
  readonly parse: (value: EndpointInput) => EndpointConfig
  /** The reverse, with secrets. */
  readonly encode: (endpoint: EndpointConfig) => EndpointInput
}

/** Why a change is not possible. */
export class OverlayError extends Error {
  override readonly name = 'OverlayError'
  readonly kind: 'unknown' | 'exists' | 'invalid'

  constructor(kind: OverlayError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** Where an endpoint comes from: the configuration or a provider, or an operator. */
export interface OverlayView {
  readonly source: 'configured' | 'added'
  /** Keys that an operator has changed. */
  readonly changedKeys: readonly string[]
}

const configured: OverlayView = { source: 'configured', changedKeys: [] }

/** Endpoints that operators have added, changed and removed while the gateway runs. */
export class EndpointOverlay {
  readonly #options: OverlayOptions
  #entries: ReadonlyMap<string, OverlayEntry>
  /** Names of the endpoints below the overlay, at the last change. */
  #present: readonly EndpointConfig[] = []

  constructor(options: OverlayOptions, entries: Iterable<readonly [string, OverlayEntry]> = []) {
    this.#options = options
    this.#entries = new Map(entries)
  }

  get entries(): ReadonlyMap<string, OverlayEntry> {
    return this.#entries
  }

  /** Takes entries as they were before: a change was not applied. */
  restore(entries: ReadonlyMap<string, OverlayEntry>): void {
    this.#entries = entries
  }

  /** @throws OverlayError */
  add(value: EndpointInput): string {
    const name = nameOf(this.#parse(value))
    if (this.#find(name) !== undefined)
      throw new OverlayError('exists', `There is an endpoint "${name}" already.`)
    this.#put(name, { kind: 'added', value: { ...value, name } })
    return name
  }

  /** @throws OverlayError */
  change(name: string, patch: EndpointInput): void {
    const endpoint = this.#find(name)
    if (endpoint === undefined) throw new OverlayError('unknown', 'No such endpoint is configured.')
    if (patch.name !== undefined && patch.name !== name) {
      throw new OverlayError('invalid', 'name: cannot be changed; add another endpoint and remove this one.')
    }
    const entry = this.#entryOf(name)
    if (entry?.kind === 'added') {
      const value = patched(entry.value, patch)
      this.#parse(value)
      this.#put(name, { kind: 'added', value })
      return
    }
    const before = entry?.kind === 'changed' ? entry.patch : {}
    const next = { ...before, ...patch }
    this.#parse(patched(this.#options.encode(endpoint), next))
    this.#put(name, { kind: 'changed', patch: next })
  }

  /** Removes an endpoint; one of the configuration stays removed until `reset`. @throws OverlayError */
  remove(name: string): void {
    if (this.#find(name) === undefined) throw new OverlayError('unknown', 'No such endpoint is configured.')
    if (this.#entryOf(name)?.kind === 'added') this.#put(name, undefined)
    else this.#put(name, { kind: 'removed' })
  }

  /** Returns an endpoint to what its configuration or provider says. @throws OverlayError */
  reset(name: string): void {
    const entry = this.#entries.get(name)
    if (entry === undefined || entry.kind === 'added') {
      throw new OverlayError('unknown', 'No such endpoint has been changed or removed.')
    }
    this.#put(name, undefined)
  }

  /** Endpoints with what operators have decided. An added one gives way to a configured one of its name. */
  over(present: readonly EndpointConfig[]): EndpointConfig[] {
    this.#present = present
    const names = new Set(present.map(nameOf))
    const kept = present.flatMap((endpoint) => {
      const entry = this.#entries.get(nameOf(endpoint))
      if (entry?.kind === 'removed') return []
      return [entry?.kind === 'changed' ? this.#changed(endpoint, entry.patch) : endpoint]
    })
    for (const [name, entry] of this.#entries) {
      if (entry.kind === 'added' && !names.has(name)) kept.push(this.#options.parse(entry.value))
    }
    return kept
  }

  view(name: string): OverlayView {
    const entry = this.#entryOf(name)
    if (entry?.kind === 'changed') return { source: 'configured', changedKeys: Object.keys(entry.patch) }
    return entry?.kind === 'added' ? { source: 'added', changedKeys: [] } : configured
  }

  /** Names of removed endpoints that their configuration or provider still has. */
  removed(): string[] {
    return this.#present.map(nameOf).filter((name) => this.#entries.get(name)?.kind === 'removed')
  }

  /** What an operator has decided, unless an added endpoint has given way to a configured one. */
  #entryOf(name: string): OverlayEntry | undefined {
    const entry = this.#entries.get(name)
    const hasGivenWay = entry?.kind === 'added' && this.#present.some((endpoint) => nameOf(endpoint) === name)
    return hasGivenWay ? undefined : entry
  }

  #find(name: string): EndpointConfig | undefined {
    const entry = this.#entries.get(name)
    if (entry?.kind === 'removed') return undefined
    const below = this.#present.find((endpoint) => nameOf(endpoint) === name)
    return below ?? (entry?.kind === 'added' ? this.#options.parse(entry.value) : undefined)
  }

  /** A patch that no longer fits its endpoint has no effect. */
  #changed(endpoint: EndpointConfig, patch: EndpointInput): EndpointConfig {
    try {
      return this.#options.parse(patched(this.#options.encode(endpoint), patch))
    } catch (error) {
      if (error instanceof ConfigError) return endpoint
      throw error
    }
  }

  #parse(value: EndpointInput): EndpointConfig {
    try {
      return this.#options.parse(value)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      const problems = error.diagnostics.map(({ key, message }) => `${keyOfEndpoint(key)}${message}`)
      throw new OverlayError('invalid', problems.join('; '))
    }
  }

  #put(name: string, entry: OverlayEntry | undefined): void {
    const entries = new Map(this.#entries)
    if (entry === undefined) entries.delete(name)
    else entries.set(name, entry)
    this.#entries = entries
  }
}

function patched(value: EndpointInput, patch: EndpointInput): EndpointInput {
  return Object.fromEntries(Object.entries({ ...value, ...patch }).filter(([, each]) => each !== null))
}

function nameOf({ name, url }: EndpointConfig): string {
  return name ?? new URL(url).host
}

/** `discovery.static.endpoints[0].url` is `url: ` for an operator who sends one endpoint. */
function keyOfEndpoint(key: string): string {
  const own = key.replace(/^discovery\.static\.endpoints(\[0\])?\.?/, '')
  return own === '' ? '' : `${own}: `
}
