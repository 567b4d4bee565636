import type { Clock, Timer } from '../clock.ts'
import type { Endpoint } from '../endpoint/endpoint.ts'
import { apiPathOf } from './api-paths.ts'

/** What a request has shown of a path on an endpoint. */
export interface PathFact {
  readonly slot: number
  readonly path: string
  readonly serves: boolean
  /** The endpoint's own words where it does not have the path; '' where it has none. */
  readonly words: string
  readonly lastsMs: number
}

/** How long a path counts as missing: a server may be restarted with other options, or updated. */
const missingMs = 300_000
/**
 * The same for a path that the endpoint's kind has, or that has served: the request may be what the server could not
 * take, or a proxy before it has lost the server for a moment.
 */
const doubtfulMissingMs = 30_000
const servedMs = 3_600_000
/** Most facts that are kept, over all endpoints; the oldest go first. */
const mostFacts = 2_000
const longestWords = 200

interface Known extends PathFact {
  /** Whether the endpoint has answered well for the path before it said that it does not have it. */
  readonly hasServed: boolean
  /** As the server told it at the time; another version is another server. */
  readonly version: string | undefined
  readonly untilMs: number
}

/**
 * Which endpoint has which API path: from its profile, and from how it has answered. What was learned is forgotten
 * after a while, and when the server is another one.
 */
export class PathKnowledge {
  readonly #clock: Clock
  readonly #fallbackPaths: () => readonly string[]
  readonly #versionOf: (slot: number) => string | undefined
  readonly #facts = new Map<string, Known>()
  #listener: (fact: PathFact) => void = () => {}
  #timer: Timer | undefined
  #armedForMs = 0
  #version = 0

  constructor(parts: {
    clock: Clock
    /** Paths of an endpoint whose kind is not known. */
    fallbackPaths: () => readonly string[]
    versionOf: (slot: number) => string | undefined
  }) {
    this.#clock = parts.clock
    this.#fallbackPaths = parts.fallbackPaths
    this.#versionOf = parts.versionOf
  }

  /** Counts up whenever an answer to `serves` may have changed. */
  get version(): number {
    return this.#version
  }

  /** @param listener told of what this thread has learned */
  onLearned(listener: (fact: PathFact) => void): void {
    this.#listener = listener
  }

  /**
   * Whether an endpoint has a path.
   * @returns undefined where that is not known
   */
  serves(endpoint: Endpoint, path: string): boolean | undefined {
    const apiPath = apiPathOf(path)
    if (apiPath === undefined) return undefined
    const fact = this.#fact(endpoint.slot, apiPath)
    if (fact !== undefined) return fact.serves
    return this.#lists(endpoint, apiPath) || undefined
  }

  /**
   * Whether a request for the path is in vain. One answer does not outweigh the profile or an earlier good answer:
   * such an endpoint is asked again where no other has the path.
   */
  lacksForSure(endpoint: Endpoint, path: string): boolean {
    const apiPath = apiPathOf(path)
    const fact = apiPath === undefined ? undefined : this.#fact(endpoint.slot, apiPath)
    return fact?.serves === false && !fact.hasServed && !this.#lists(endpoint, fact.path)
  }

  #lists({ profile }: Endpoint, apiPath: string): boolean {
    if (profile === undefined) return this.#fallbackPaths().includes(apiPath)
    return profile.paths.includes(apiPath) || profile.chat.path === apiPath
  }

  /** What the endpoint has said about a path that it does not have. */
  wordsOf(slot: number, path: string): string | undefined {
    const apiPath = apiPathOf(path)
    const fact = apiPath === undefined ? undefined : this.#fact(slot, apiPath)
    return fact === undefined || fact.serves || fact.words === '' ? undefined : fact.words
  }

  /**
   * An endpoint has answered for a path. That it does not have another form of an API path, with an ID or a slash at the
   * end, says nothing of the path itself.
   */
  learn(endpoint: Endpoint, path: string, serves: boolean, words = ''): void {
    const apiPath = apiPathOf(path)
    if (apiPath === undefined || (!serves && apiPath !== path)) return
    const isDoubtful = this.#lists(endpoint, apiPath) || this.#hasServed(endpoint.slot, apiPath)
    const lastsMs = serves ? servedMs : isDoubtful ? doubtfulMissingMs : missingMs
    const fact = { slot: endpoint.slot, path: apiPath, serves, words: words.slice(0, longestWords), lastsMs }
    this.take(fact)
    this.#listener(fact)
  }

  /** Takes what this or another thread has learned. */
  take(fact: PathFact): void {
    const key = keyOf(fact.slot, fact.path)
    const before = this.#facts.get(key)
    this.#facts.delete(key)
    this.#facts.set(key, {
      ...fact,
      hasServed: before !== undefined && (before.serves || before.hasServed),
      version: this.#versionOf(fact.slot),
      untilMs: this.#clock.monotonicMs() + fact.lastsMs,
    })
    if (this.#facts.size > mostFacts) this.#dropFirst()
    if (before?.serves !== fact.serves) this.#version++
    this.#arm()
  }

  /** The endpoint may be another server now. */
  forget(slot: number): void {
    for (const [key, fact] of this.#facts) if (fact.slot === slot) this.#facts.delete(key)
    this.#version++
  }

  close(): void {
    this.#timer?.cancel()
  }

  #fact(slot: number, apiPath: string): Known | undefined {
    if (this.#facts.size === 0) return undefined
    const fact = this.#facts.get(keyOf(slot, apiPath))
    if (fact === undefined || fact.untilMs <= this.#clock.monotonicMs()) return undefined
    return fact.version === this.#versionOf(slot) ? fact : undefined
  }

  #hasServed(slot: number, apiPath: string): boolean {
    const fact = this.#fact(slot, apiPath)
    return fact !== undefined && (fact.serves || fact.hasServed)
  }

  #dropFirst(): void {
    const [first] = this.#facts.keys()
    if (first !== undefined) this.#facts.delete(first)
  }

  /** Decisions are kept while the version stays: it must move when a fact ends. */
  #arm(): void {
    if (this.#facts.size === 0) return
    let untilMs = Number.POSITIVE_INFINITY
    for (const fact of this.#facts.values()) untilMs = Math.min(untilMs, fact.untilMs)
    if (this.#timer !== undefined && this.#armedForMs <= untilMs) return
    this.#timer?.cancel()
    this.#armedForMs = untilMs
    this.#timer = this.#clock.after(Math.max(0, untilMs - this.#clock.monotonicMs()) + 1, () => {
      this.#timer = undefined
      const nowMs = this.#clock.monotonicMs()
      for (const [key, fact] of this.#facts) if (fact.untilMs <= nowMs) this.#facts.delete(key)
      this.#version++
      this.#arm()
    })
  }
}

function keyOf(slot: number, path: string): string {
  return `${slot} ${path}`
}
