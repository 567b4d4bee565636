import type { Clock, Timer } from '../../kernel/clock.ts'
import type { FoundEndpoint, ProviderReports } from './contract/contract.ts'
import { isServerUrl, serverKey } from './contract/same-server.ts'
import { defaultFlapRules, type FlapRules, holdOf } from './flapping.ts'
import type { FoundState, FoundView, LiveEndpoint, ProviderRules, ProviderView } from './live-views.ts'

export interface LiveSetOptions {
  readonly clock: Clock
  /** Called in a later turn after the endpoints have changed; several changes of one turn are one. */
  readonly onChange: () => void
  /** Called when a provider begins to fail, or works again. */
  readonly onSource?: (provider: ProviderView) => void
  readonly flapRules?: FlapRules
}

interface Entry {
  readonly key: string
  readonly name: string
  readonly provider: Source
  endpoint: FoundEndpoint
  readonly returnsMs: number[]
  sinceMs: number
  state: FoundState
  /** When a missing one leaves, or a held one is used. */
  timer: Timer | undefined
}

interface Source {
  readonly rules: ProviderRules
  readonly order: number
  /** By key of the server. An entry stays for a time after its removal, for its name and its returns. */
  readonly entries: Map<string, Entry>
  readonly gone: Map<string, Entry>
  state: ProviderView['state']
  reason: string | undefined
  lastAnswerMs: number | undefined
  expiry: Timer | undefined
}

/**
 * The endpoints that providers have found, as one list: each server once, with a stable name, after approval, and
 * without those that come and go. Its memory is bounded by each provider's `maxEndpoints`.
 */
export class LiveSet {
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #onSource: ((provider: ProviderView) => void) | undefined
  readonly #flapRules: FlapRules
  readonly #sources: Source[] = []
  readonly #approved = new Set<string>()
  readonly #rejected = new Set<string>()
  #fileKeys: ReadonlySet<string> = new Set()
  #fileNames: ReadonlySet<string> = new Set()
  #notice: Timer | undefined
  #last = ''

  constructor({ clock, onChange, onSource, flapRules = defaultFlapRules }: LiveSetOptions) {
    this.#clock = clock
    this.#onChange = onChange
    this.#onSource = onSource
    this.#flapRules = flapRules
  }

  /** Endpoints of the configuration file, which take precedence over found ones. */
  setFileEndpoints(endpoints: readonly { readonly url: string; readonly name: string }[]): void {
    this.#fileKeys = new Set(endpoints.map(({ url }) => serverKey(url)))
    this.#fileNames = new Set(endpoints.map(({ name }) => name))
    this.#settle()
  }

  /** Adds a provider. Earlier ones take precedence if two find the same server. */
  add(rules: ProviderRules): ProviderReports {
    const source: Source = {
      rules,
      order: this.#sources.length,
      entries: new Map(),
      gone: new Map(),
      state: 'starting',
      reason: undefined,
      lastAnswerMs: undefined,
      expiry: undefined,
    }
    this.#sources.push(source)
    return {
      found: (endpoints) => this.#found(source, endpoints),
      failed: (reason) => this.#failed(source, 'failing', reason),
      unavailable: (reason) => this.#failed(source, 'unavailable', reason),
    }
  }

  /** Lets a pending endpoint serve. Returns whether there is one of that name. */
  approve(name: string): boolean {
    const entry = this.#all().find((each) => each.name === name)
    if (entry === undefined) return false
    this.#approved.add(entry.key)
    this.#rejected.delete(entry.key)
    this.#settle()
    return true
  }

  /** Keeps an endpoint from serving until it is approved. Returns whether there is one of that name. */
  reject(name: string): boolean {
    const entry = this.#all().find((each) => each.name === name)
    if (entry === undefined) return false
    this.#approved.delete(entry.key)
    this.#rejected.add(entry.key)
    this.#settle()
    return true
  }

  /** What to serve with now. */
  endpoints(): LiveEndpoint[] {
    return this.#all()
      .filter(({ state }) => state === 'active' || state === 'missing')
      .map(({ name, endpoint, provider }) => ({
        name,
        url: endpoint.url,
        provider: provider.rules.name,
        settings: endpoint.settings,
      }))
  }

  views(): FoundView[] {
    return this.#all().map(({ name, endpoint, provider, state, sinceMs }) => ({
      name,
      url: endpoint.url,
      provider: provider.rules.name,
      state,
      labels: endpoint.labels,
      sinceMs,
    }))
  }

  providers(): ProviderView[] {
    return this.#sources.map(viewOf)
  }

  /** Cancels all timers. */
  close(): void {
    this.#notice?.cancel()
    for (const { expiry, entries } of this.#sources) {
      expiry?.cancel()
      for (const { timer } of entries.values()) timer?.cancel()
    }
  }

  #found(source: Source, endpoints: readonly FoundEndpoint[]): void {
    const { maxEndpoints } = source.rules
    const usable = endpoints.filter(({ url }) => isServerUrl(url))
    const isOver = usable.length > maxEndpoints
    source.lastAnswerMs = this.#clock.nowMs()
    source.expiry?.cancel()
    source.expiry = undefined
    const present = new Set<string>()
    for (const endpoint of usable) {
      const key = serverKey(endpoint.url)
      if (present.has(key) || present.size === maxEndpoints) continue
      present.add(key)
      this.#see(source, key, endpoint)
    }
    for (const entry of source.entries.values()) if (!present.has(entry.key)) this.#miss(entry)
    if (isOver)
      this.#setSource(source, 'failing', `found ${usable.length} endpoints; the limit is ${maxEndpoints}`)
    else this.#setSource(source, 'ok')
    this.#settle()
  }

  #see(source: Source, key: string, endpoint: FoundEndpoint): void {
    const present = source.entries.get(key)
    if (present !== undefined) {
      const wasAway = present.state === 'missing' || present.state === 'not ready'
      present.endpoint = endpoint
      if (wasAway && endpoint.isReady) this.#welcome(present, present.state === 'not ready')
      if (!endpoint.isReady) this.#leave(present, 'not ready')
      return
    }
    const known = source.gone.get(key)
    const entry: Entry = {
      key,
      name: known?.name ?? this.#freeName(endpoint.name),
      provider: source,
      endpoint,
      returnsMs: known?.returnsMs ?? [],
      sinceMs: this.#clock.nowMs(),
      state: 'pending',
      timer: undefined,
    }
    source.gone.delete(key)
    source.entries.set(key, entry)
    if (endpoint.isReady) this.#welcome(entry, known !== undefined)
    else this.#leave(entry, 'not ready')
  }

  /** @param isReturn whether it was out of service; one that was only missing kept serving */
  #welcome(entry: Entry, isReturn: boolean): void {
    entry.timer?.cancel()
    entry.timer = undefined
    if (isReturn) {
      entry.returnsMs.push(this.#clock.monotonicMs())
      if (entry.returnsMs.length > 32) entry.returnsMs.shift()
    }
    const holdMs = isReturn ? holdOf(entry.returnsMs, this.#flapRules) : 0
    this.#setState(entry, holdMs > 0 ? 'held' : 'pending')
    if (holdMs > 0) {
      entry.timer = this.#clock.after(holdMs, () => {
        entry.timer = undefined
        this.#setState(entry, 'pending')
        this.#settle()
      })
    }
  }

  #miss(entry: Entry): void {
    if (entry.state === 'missing') return
    const { removeAfterMs } = entry.provider.rules
    const wasServing = entry.state === 'active'
    entry.timer?.cancel()
    if (removeAfterMs === 0 || !wasServing) {
      this.#remove(entry)
      return
    }
    this.#setState(entry, 'missing')
    entry.timer = this.#clock.after(removeAfterMs, () => {
      this.#remove(entry)
      this.#settle()
    })
  }

  #leave(entry: Entry, state: FoundState): void {
    entry.timer?.cancel()
    entry.timer = undefined
    this.#setState(entry, state)
  }

  #remove(entry: Entry): void {
    const { entries, gone, rules } = entry.provider
    entry.timer?.cancel()
    entry.timer = undefined
    entries.delete(entry.key)
    gone.set(entry.key, entry)
    const [oldest] = gone.keys()
    if (gone.size > rules.maxEndpoints && oldest !== undefined) gone.delete(oldest)
  }

  #failed(source: Source, state: 'failing' | 'unavailable', reason: string): void {
    this.#setSource(source, state, reason)
    const { keepForMs } = source.rules
    if (keepForMs > 0 && source.expiry === undefined && source.entries.size > 0) {
      source.expiry = this.#clock.after(keepForMs, () => {
        for (const entry of [...source.entries.values()]) this.#remove(entry)
        this.#settle()
      })
    }
  }

  /** Decides which of the present endpoints serve, and announces a change. */
  #settle(): void {
    const taken = new Set(this.#fileKeys)
    for (const entry of this.#all()) {
      const { state, key, endpoint, provider } = entry
      if (state === 'held' || state === 'not ready') continue
      if (this.#rejected.has(key)) {
        this.#setState(entry, 'rejected')
        continue
      }
      const isTaken = taken.has(key)
      if (!isTaken && state === 'missing') taken.add(key)
      if (state === 'missing') continue
      if (isTaken) this.#setState(entry, 'duplicate')
      else if (this.#approved.has(key) || provider.rules.approves(endpoint)) {
        taken.add(key)
        this.#setState(entry, 'active')
      } else this.#setState(entry, 'pending')
    }
    this.#notice ??= this.#clock.after(0, () => {
      this.#notice = undefined
      const text = JSON.stringify(this.endpoints())
      if (text === this.#last) return
      this.#last = text
      this.#onChange()
    })
  }

  #setSource(source: Source, state: ProviderView['state'], reason?: string): void {
    const before = source.state
    source.state = state
    source.reason = reason
    if (before !== state && !(before === 'starting' && state === 'ok')) this.#onSource?.(viewOf(source))
  }

  #setState(entry: Entry, state: FoundState): void {
    if (entry.state === state) return
    entry.state = state
    entry.sinceMs = this.#clock.nowMs()
  }

  #all(): Entry[] {
    return this.#sources.flatMap(({ entries }) => [...entries.values()])
  }

  #freeName(wanted: string): string {
    const taken = new Set(this.#fileNames)
    for (const { entries, gone } of this.#sources) {
      for (const { name } of entries.values()) taken.add(name)
      for (const { name } of gone.values()) taken.add(name)
    }
    if (!taken.has(wanted)) return wanted
    for (let number = 2; ; number++) if (!taken.has(`${wanted}-${number}`)) return `${wanted}-${number}`
  }
}

function viewOf({ rules, state, reason, lastAnswerMs, entries }: Source): ProviderView {
  return { name: rules.name, kind: rules.kind, state, reason, lastAnswerMs, endpoints: entries.size }
}
