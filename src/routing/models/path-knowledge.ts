import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { apiPathOf } from './api-paths.ts'

/** What a request has shown of a path on an endpoint. */
export interface PathFact {
  readonly slot: number
  readonly path: string
  /** The model that was asked for, where the endpoint has several; undefined for what holds for all of them. */
  readonly model?: string | undefined
  readonly serves: boolean
  /** The endpoint's own words where it does not have the path; '' where it has none. */
  readonly words: string
  readonly lastsMs: number
  /** Whether nothing speaks against it: neither the endpoint's kind nor an earlier good answer. */
  readonly isSure: boolean
}

/** How long a path counts as missing: a server may be restarted with other options, or updated. */
const missingMs = 300_000
/**
 * The same for a path that the endpoint's kind has, or that has served: the request may be what the server could not
 * take, or a proxy before it has lost the server for a moment.
 */
const doubtfulMissingMs = 30_000
const servedMs = 3_600_000
/** For so long after an endpoint has refused a path it is not asked for it again, even where no other one has it. */
const sureMs = 1_000
/** So many models of an endpoint that lack a path, and none that has it, speak for its other models. */
const modelsForWhole = 2
/** Most facts that are kept, over all endpoints; the oldest go first. */
const mostFacts = 2_000
const longestWords = 200

interface Known extends PathFact {
  /** Whether the endpoint has answered well for the path before it said that it does not have it. */
  readonly hasServed: boolean
  /** As the server told it at the time; another version is another server. */
  readonly version: string | undefined
  /** Until when a request for a path that is missing is in vain; 0 where that is in doubt from the beginning. */
  readonly sureUntilMs: number
  readonly untilMs: number
}

/** Facts of one path on one endpoint, by model; `undefined` is for all of its models. */
type PathFacts = Map<string | undefined, Known>

/**
 * Which endpoint has which API path: from its profile, and from how it has answered. Behind one address several models
 * may be served by several servers (llama-swap, LiteLLM), so where an endpoint has several models, an answer speaks for
 * the one that was asked. What was learned is forgotten after a while, and when the server is another one.
 */
export class PathKnowledge {
  readonly #clock: Clock
  readonly #fallbackPaths: () => readonly string[]
  readonly #versionOf: (slot: number) => string | undefined
  readonly #countModels: (slot: number) => number
  readonly #facts = new Map<string, PathFacts>()
  #size = 0
  #listener: (fact: PathFact) => void = () => {}
  #timer: Timer | undefined
  #armedForMs = 0
  #version = 0

  constructor(parts: {
    clock: Clock
    /** Paths of an endpoint whose kind is not known. */
    fallbackPaths: () => readonly string[]
    versionOf: (slot: number) => string | undefined
    /** How many models an endpoint lists; 0 where that is not known. Default: one. */
    countModels?: (slot: number) => number
  }) {
    this.#clock = parts.clock
    this.#fallbackPaths = parts.fallbackPaths
    this.#versionOf = parts.versionOf
    this.#countModels = parts.countModels ?? (() => 1)
  }

  /** Counts up whenever an answer to `serves` or `lacksForSure` may have changed. */
  get version(): number {
    return this.#version
  }

  /** @param listener told of what this thread has learned */
  onLearned(listener: (fact: PathFact) => void): void {
    this.#listener = listener
  }

  /**
   * Whether an endpoint has a path for a model, or for any where none is named.
   * @returns undefined where that is not known
   */
  serves(endpoint: Endpoint, path: string, model?: string): boolean | undefined {
    const apiPath = apiPathOf(path)
    if (apiPath === undefined) return undefined
    const fact = this.#fact(endpoint.slot, apiPath, model) ?? this.#ofOthers(endpoint.slot, apiPath, model)
    if (fact !== undefined) return fact.serves
    return this.#lists(endpoint, apiPath) || isOllamaPath(endpoint, apiPath) || undefined
  }

  /**
   * Whether a request for the path is in vain. One answer does not outweigh the profile or an earlier good answer, and
   * none lasts: such an endpoint is asked again where no other has the path.
   */
  lacksForSure(endpoint: Endpoint, path: string, model?: string): boolean {
    const apiPath = apiPathOf(path)
    const fact = apiPath === undefined ? undefined : this.#fact(endpoint.slot, apiPath, model)
    return fact?.serves === false && fact.sureUntilMs > this.#clock.monotonicMs()
  }

  #lists({ profile }: Endpoint, apiPath: string): boolean {
    if (profile === undefined) return this.#fallbackPaths().includes(apiPath)
    return profile.paths.includes(apiPath) || profile.chat.path === apiPath
  }

  /** What the endpoint has said about a path that it does not have. */
  wordsOf(slot: number, path: string): string | undefined {
    const apiPath = apiPathOf(path)
    const fact =
      apiPath === undefined
        ? undefined
        : (this.#fact(slot, apiPath, undefined) ?? this.#ofOthers(slot, apiPath, undefined))
    return fact === undefined || fact.serves || fact.words === '' ? undefined : fact.words
  }

  /**
   * An endpoint has answered for a path. That it does not have another form of an API path, with an ID or a slash at the
   * end, says nothing of the path itself.
   * @param model as the endpoint spells it; undefined where the request names none
   */
  learn(endpoint: Endpoint, path: string, serves: boolean, words = '', model?: string): void {
    const apiPath = apiPathOf(path)
    if (apiPath === undefined || (!serves && apiPath !== path)) return
    const { slot } = endpoint
    const ofModel = model !== undefined && this.#countModels(slot) !== 1 ? model : undefined
    const before = this.#fact(slot, apiPath, ofModel)
    const isDoubtful = this.#lists(endpoint, apiPath) || before?.serves === true || before?.hasServed === true
    const lastsMs = serves ? servedMs : isDoubtful ? doubtfulMissingMs : missingMs
    const fact = {
      slot,
      path: apiPath,
      model: ofModel,
      serves,
      words: words.slice(0, longestWords),
      lastsMs,
      isSure: !serves && !isDoubtful,
    }
    this.take(fact)
    this.#listener(fact)
  }

  /** Takes what this or another thread has learned. */
  take(fact: PathFact): void {
    const { slot, path, model, serves, isSure, lastsMs } = fact
    const key = keyOf(slot, path)
    const facts: PathFacts = this.#facts.get(key) ?? new Map<string | undefined, Known>()
    const before = facts.get(model)
    const nowMs = this.#clock.monotonicMs()
    if (before === undefined) this.#size++
    facts.set(model, {
      ...fact,
      hasServed: before !== undefined && (before.serves || before.hasServed),
      version: this.#versionOf(slot),
      sureUntilMs: isSure ? nowMs + sureMs : 0,
      untilMs: nowMs + lastsMs,
    })
    // What one model is served at is there.
    if (serves && model !== undefined && facts.get(undefined)?.serves === false && facts.delete(undefined))
      this.#size--
    this.#facts.delete(key)
    this.#facts.set(key, facts)
    while (this.#size > mostFacts && this.#facts.size > 1) this.#dropFirst()
    if (isSure || before?.serves !== serves) this.#version++
    this.#arm()
  }

  /** The endpoint may be another server now. */
  forget(slot: number): void {
    for (const [key, facts] of this.#facts) {
      const [fact] = facts.values()
      if (fact?.slot === slot) this.#drop(key, facts)
    }
    this.#version++
  }

  close(): void {
    this.#timer?.cancel()
  }

  /** What is known of the path for this model, or for all models alike. */
  #fact(slot: number, apiPath: string, model: string | undefined): Known | undefined {
    if (this.#facts.size === 0) return undefined
    const facts = this.#facts.get(keyOf(slot, apiPath))
    return this.#valid(facts?.get(model)) ?? this.#valid(facts?.get(undefined))
  }

  /** What other models show of the path: one that is served at it shows that it is there. */
  #ofOthers(slot: number, apiPath: string, model: string | undefined): Known | undefined {
    let missing: Known | undefined
    let lacking = 0
    for (const fact of this.#facts.get(keyOf(slot, apiPath))?.values() ?? []) {
      if (this.#valid(fact) === undefined) continue
      if (fact.serves) return fact
      missing = fact
      lacking++
    }
    return lacking >= (model === undefined ? 1 : modelsForWhole) ? missing : undefined
  }

  #valid(fact: Known | undefined): Known | undefined {
    if (fact === undefined || fact.untilMs <= this.#clock.monotonicMs()) return undefined
    return fact.version === this.#versionOf(fact.slot) ? fact : undefined
  }

  #dropFirst(): void {
    const [first] = this.#facts
    if (first !== undefined) this.#drop(...first)
  }

  #drop(key: string, facts: PathFacts): void {
    this.#size -= facts.size
    this.#facts.delete(key)
  }

  /** Decisions are kept while the version stays: it must move when a fact ends or is no longer sure. */
  #arm(): void {
    const nowMs = this.#clock.monotonicMs()
    let nextMs = Number.POSITIVE_INFINITY
    for (const facts of this.#facts.values()) {
      for (const { sureUntilMs, untilMs } of facts.values())
        nextMs = Math.min(nextMs, sureUntilMs > nowMs ? sureUntilMs : untilMs)
    }
    if (nextMs === Number.POSITIVE_INFINITY) return
    if (this.#timer !== undefined && this.#armedForMs <= nextMs) return
    this.#timer?.cancel()
    this.#armedForMs = nextMs
    this.#timer = this.#clock.after(Math.max(0, nextMs - nowMs) + 1, () => {
      this.#timer = undefined
      this.#forgetOld()
      this.#version++
      this.#arm()
    })
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, facts] of this.#facts) {
      for (const [model, { untilMs }] of facts) {
        if (untilMs <= nowMs && facts.delete(model)) this.#size--
      }
      if (facts.size === 0) this.#facts.delete(key)
    }
  }
}

/** Ollama adds paths below `/api` that no profile lists yet; other kinds have only versions of their own there. */
function isOllamaPath({ profile }: Endpoint, apiPath: string): boolean {
  return /^\/api\/(?!v\d)/.test(apiPath) && profile?.paths.includes('/api/tags') === true
}

function keyOf(slot: number, path: string): string {
  return `${slot} ${path}`
}
