import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { apiPathOf } from './api-paths.ts'

/** What a request has shown about a path on an endpoint. */
export interface PathFact {
  readonly slot: number
  readonly path: string
  /** The requested model if the endpoint has several; undefined if the fact applies to all of them. */
  readonly model?: string | undefined
  readonly serves: boolean
  /** The endpoint's error message if the path is missing; '' if there is none. */
  readonly message: string
  readonly lastsMs: number
  /** Whether neither the backend type nor an earlier good answer contradicts it. */
  readonly isSure: boolean
}

/** How long a path counts as missing: a server may be updated or restarted with other options. */
const missingMs = 300_000
/**
 * The same for a path that the backend type has or that has worked before: the server may have refused the request
 * itself, or a proxy may have lost the server for a moment.
 */
const doubtfulMissingMs = 30_000
const servedMs = 3_600_000
/** How long a refused path is not retried on the endpoint even if no other endpoint has it. */
const sureMs = 1_000
/** If this many models of an endpoint lack a path and none has it, the endpoint's other models lack it too. */
const modelsForWhole = 2
/** Maximum facts over all endpoints; the oldest is evicted first. */
const maxFacts = 2_000
const maxMessageLength = 200

interface Known extends PathFact {
  /** Whether the endpoint served the path successfully before it denied having it. */
  readonly hasServed: boolean
  /** Version that the server reported then; a different version invalidates the fact. */
  readonly version: string | undefined
  /** Until when a request for a missing path is certain to fail; 0 if in doubt from the start. */
  readonly sureUntilMs: number
  readonly untilMs: number
}

/** Facts about one path on one endpoint by model; `undefined` applies to all models. */
type PathFacts = Map<string | undefined, Known>

/**
 * Knows which endpoint has which API path, from its profile and from its answers. One address may serve several models
 * from several servers (llama-swap, LiteLLM), so on an endpoint with several models an answer applies to the requested
 * model only. Facts expire after a while and when the server's version changes.
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
    /** Paths of an endpoint whose backend type is unknown. */
    fallbackPaths: () => readonly string[]
    versionOf: (slot: number) => string | undefined
    /** Number of models that an endpoint lists; 0 if unknown. Default: one. */
    countModels?: (slot: number) => number
  }) {
    this.#clock = parts.clock
    this.#fallbackPaths = parts.fallbackPaths
    this.#versionOf = parts.versionOf
    this.#countModels = parts.countModels ?? (() => 1)
  }

  /** Increases whenever a result of `serves` or `lacksForSure` may have changed. */
  get version(): number {
    return this.#version
  }

  /** @param listener receives facts that this thread learns */
  onLearned(listener: (fact: PathFact) => void): void {
    this.#listener = listener
  }

  /**
   * Whether an endpoint has a path for a model, or for any model if none is given.
   * @returns undefined if unknown
   */
  serves(endpoint: Endpoint, path: string, model?: string): boolean | undefined {
    const apiPath = apiPathOf(path)
    if (apiPath === undefined) return undefined
    const fact = this.#fact(endpoint.slot, apiPath, model) ?? this.#ofOthers(endpoint.slot, apiPath, model)
    if (fact !== undefined) return fact.serves
    return this.#lists(endpoint, apiPath) || isOllamaPath(endpoint, apiPath) || undefined
  }

  /**
   * Whether a request for the path is certain to fail. A single answer does not outweigh the profile or an earlier good
   * answer, and certainty expires: if no other endpoint has the path, requests try this one again.
   */
  lacksForSure(endpoint: Endpoint, path: string, model?: string): boolean {
    const apiPath = apiPathOf(path)
    const fact = apiPath === undefined ? undefined : this.#fact(endpoint.slot, apiPath, model)
    return fact?.serves === false && fact.sureUntilMs > this.#clock.monotonicMs()
  }

  #lists({ profile }: Endpoint, apiPath: string): boolean {
    if (profile === undefined) return this.#fallbackPaths().includes(apiPath)
    return profile.paths.includes(apiPath) || (profile.openaiCompatible && profile.chat.path === apiPath)
  }

  /** The endpoint's error message for a path that it lacks. */
  errorMessageOf(slot: number, path: string): string | undefined {
    const apiPath = apiPathOf(path)
    const fact =
      apiPath === undefined
        ? undefined
        : (this.#fact(slot, apiPath, undefined) ?? this.#ofOthers(slot, apiPath, undefined))
    return fact === undefined || fact.serves || fact.message === '' ? undefined : fact.message
  }

  /**
   * Records an endpoint's answer for a path. A missing variant of an API path, with an ID or a trailing slash, shows
   * nothing about the path itself.
   * @param model as the endpoint spells it; undefined if the request names none
   */
  learn(endpoint: Endpoint, path: string, serves: boolean, message = '', model?: string): void {
    const apiPath = apiPathOf(path)
    if (apiPath === undefined || (!serves && apiPath !== path)) return
    const { slot } = endpoint
    const ofModel = model !== undefined && this.#countModels(slot) !== 1 ? model : undefined
    const before = this.#fact(slot, apiPath, ofModel)
    // Known well enough: nearly every translated request would repeat it to all threads.
    if (serves && before?.serves === true && before.untilMs - this.#clock.monotonicMs() > servedMs / 2) return
    const isDoubtful = this.#lists(endpoint, apiPath) || before?.serves === true || before?.hasServed === true
    const lastsMs = serves ? servedMs : isDoubtful ? doubtfulMissingMs : missingMs
    const fact = {
      slot,
      path: apiPath,
      model: ofModel,
      serves,
      message: message.slice(0, maxMessageLength),
      lastsMs,
      isSure: !serves && !isDoubtful,
    }
    this.take(fact)
    this.#listener(fact)
  }

  /** Stores a fact from this or another thread. */
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
    // If one model is served at the path, the path exists.
    if (serves && model !== undefined && facts.get(undefined)?.serves === false && facts.delete(undefined))
      this.#size--
    this.#facts.delete(key)
    this.#facts.set(key, facts)
    while (this.#size > maxFacts && this.#facts.size > 1) this.#dropFirst()
    if (isSure || before?.serves !== serves) this.#version++
    this.#arm()
  }

  /** Drops all facts: the endpoint may be another server now. */
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

  /** The fact for this model or for all models. */
  #fact(slot: number, apiPath: string, model: string | undefined): Known | undefined {
    if (this.#facts.size === 0) return undefined
    const facts = this.#facts.get(keyOf(slot, apiPath))
    return this.#valid(facts?.get(model)) ?? this.#valid(facts?.get(undefined))
  }

  /** What other models show about the path: one success shows that the path exists. */
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

  /** Changes the version when a fact expires or becomes uncertain, because decisions are cached by version. */
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

/** Ollama adds paths below `/api` before profiles list them; other backends have only their own versions there. */
function isOllamaPath({ profile }: Endpoint, apiPath: string): boolean {
  return /^\/api\/(?!v\d)/.test(apiPath) && profile?.paths.includes('/api/tags') === true
}

function keyOf(slot: number, path: string): string {
  return `${slot} ${path}`
}
