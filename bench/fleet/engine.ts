import type { Agenda } from '../affinity/fleet.ts'
import { PrefixCache, type Prompt, promptTokens } from './prefix-cache.ts'

export interface ModelSpec {
  readonly name: string
  /** Memory that it takes, GB. Its speed is inversely proportional to it. */
  readonly sizeGb: number
}

export interface EngineSpec {
  readonly name: string
  /** Rates for a model of `referenceGb`; the sources are in docs/fleet-simulation.md. */
  readonly prefillTokensPerSecond: number
  /** One step of generation for one answer, and how much each further answer adds to it. */
  readonly stepMs: number
  readonly stepPerAnswerMs: number
  /** Requests that it computes at a time. */
  readonly maxRunning: number
  /** `max_concurrent`, where requests wait in the gateway. */
  readonly maxConcurrent: number
  /** Tokens of requests that it computes, and of prefixes that it keeps. */
  readonly kvTokens: number
  readonly cacheTokens: number
  readonly memoryGb: number
  readonly loadGbPerSecond: number
  readonly models: readonly ModelSpec[]
}

export const referenceGb = 5

/** While a prompt is computed, answers are generated at this part of their speed: prompts are computed in chunks. */
const speedBesidePrompt = 0.5

export interface EngineWork {
  readonly prompt: Prompt
  readonly model: string
  readonly answerTokens: number
  /** The answer; what a later prompt of the conversation begins with. */
  readonly answered: Prompt
  onFirstToken(cachedTokens: number): void
  onEnd(): void
  onFailure(): void
}

interface Job {
  readonly work: EngineWork
  readonly model: ModelSpec
  cachedTokens: number
  /** Undefined until its prompt is computed. */
  leftTokens: number | undefined
}

/**
 * An inference engine in virtual time: computes prompts one after the other, generates answers together, keeps prefixes,
 * and loads and unloads models. Requests wait in order of arrival; one whose model does not fit waits until models are
 * idle, and those behind it wait too, as in Ollama.
 */
export class Engine {
  readonly spec: EngineSpec
  readonly #agenda: Agenda
  readonly #models: ReadonlyMap<string, ModelSpec>
  /** With when each was used last. */
  readonly #loaded = new Map<string, number>()
  readonly #cache: PrefixCache
  #waiting: Job[] = []
  #running: Job[] = []
  #prefilling: { job: Job; endsMs: number } | undefined
  #loading: { model: ModelSpec; endsMs: number } | undefined
  #changedMs = 0
  #version = 0
  #slowness = 1
  isUp = true
  /** How often it loaded a model. */
  loads = 0
  busyMs = 0

  constructor(spec: EngineSpec, agenda: Agenda) {
    this.spec = spec
    this.#agenda = agenda
    this.#models = new Map(spec.models.map((model) => [model.name, model]))
    this.#cache = new PrefixCache(spec.cacheTokens)
    if (spec.models.length === 1) for (const { name } of spec.models) this.#loaded.set(name, 0)
  }

  get running(): number {
    return this.#running.length
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** 0 to 1. */
  get kvUsed(): number {
    return this.#kvTokens() / this.spec.kvTokens
  }

  /** Models in memory, or being loaded. */
  hasLoaded(model: string): boolean {
    return this.#loaded.has(model) || this.#loading?.model.name === model
  }

  matchedTokens(prompt: Prompt): number {
    return this.#cache.match(prompt)
  }

  submit(work: EngineWork): void {
    const model = this.#models.get(work.model)
    if (!this.isUp || model === undefined) {
      work.onFailure()
      return
    }
    this.#advance()
    this.#waiting.push({ work, model, cachedTokens: 0, leftTokens: undefined })
    this.#schedule()
  }

  /** All requests fail; caches and models are lost. */
  die(): void {
    this.#advance()
    this.isUp = false
    const all = [...this.#running, ...this.#waiting]
    this.#running = []
    this.#waiting = []
    this.#prefilling = undefined
    this.#loading = undefined
    this.#version++
    this.#cache.clear()
    if (this.#models.size > 1) this.#loaded.clear()
    for (const { work } of all) work.onFailure()
  }

  comeBack(): void {
    this.isUp = true
  }

  /** @param times how many times as long everything takes from now on */
  slowDown(times: number): void {
    this.#advance()
    this.#slowness = times
    this.#schedule()
  }

  /** The true time to the first token of a request that is sent now; what an oracle knows. */
  forecastMs(prompt: Prompt, modelName: string): number {
    const model = this.#models.get(modelName)
    if (!this.isUp || model === undefined) return Number.POSITIVE_INFINITY
    const nowMs = this.#agenda.nowMs
    let readyMs = this.#prefilling === undefined ? nowMs : this.#prefilling.endsMs
    for (const { work, model: own, leftTokens } of [...this.#running, ...this.#waiting]) {
      if (leftTokens !== undefined || work === this.#prefilling?.job.work) continue
      readyMs += this.#prefillMs(work.prompt, own)
    }
    const ends = this.#running.map((job) => nowMs + this.#leftMs(job)).sort((a, b) => a - b)
    const beyond = this.#running.length + this.#waiting.length + 1 - this.spec.maxRunning
    if (beyond > 0) readyMs = Math.max(readyMs, ends[Math.min(beyond, ends.length) - 1] ?? readyMs)
    if (this.#loading !== undefined) readyMs = Math.max(readyMs, this.#loading.endsMs)
    if (!this.hasLoaded(modelName)) {
      const isRoom = this.#usedGb() + model.sizeGb <= this.spec.memoryGb || this.#idleGb() >= model.sizeGb
      if (!isRoom) readyMs = Math.max(readyMs, ends.at(-1) ?? readyMs)
      readyMs += this.#loadMs(model)
    }
    return readyMs - nowMs + this.#prefillMs(prompt, model)
  }

  #prefillMs(prompt: Prompt, model: ModelSpec, cachedTokens = this.#cache.match(prompt)): number {
    const rate = (this.spec.prefillTokensPerSecond * referenceGb) / model.sizeGb
    return (Math.max(1, promptTokens(prompt) - cachedTokens) / rate) * 1_000 * this.#slowness
  }

  #loadMs({ sizeGb }: ModelSpec): number {
    return (sizeGb / this.spec.loadGbPerSecond) * 1_000 * this.#slowness
  }

  /** Time of one token of an answer. */
  #tokenMs({ model }: Job): number {
    const { stepMs, stepPerAnswerMs } = this.spec
    const generating = this.#running.length - (this.#prefilling === undefined ? 0 : 1)
    const step = (stepMs + stepPerAnswerMs * Math.max(0, generating - 1)) * (model.sizeGb / referenceGb)
    return (step * this.#slowness) / (this.#prefilling === undefined ? 1 : speedBesidePrompt)
  }

  #leftMs(job: Job): number {
    return (job.leftTokens ?? job.work.answerTokens) * this.#tokenMs(job)
  }

  #kvTokens(): number {
    let tokens = 0
    for (const { work } of this.#running) tokens += promptTokens(work.prompt) + work.answerTokens
    return tokens
  }

  #usedGb(): number {
    let gb = this.#loading?.model.sizeGb ?? 0
    for (const name of this.#loaded.keys()) gb += this.#models.get(name)?.sizeGb ?? 0
    return gb
  }

  #isIdle(name: string): boolean {
    return !this.#running.some(({ model }) => model.name === name)
  }

  #idleGb(): number {
    let gb = this.spec.memoryGb - this.#usedGb()
    for (const name of this.#loaded.keys()) if (this.#isIdle(name)) gb += this.#models.get(name)?.sizeGb ?? 0
    return gb
  }

  /** Moves all answers on to now. */
  #advance(): void {
    const { nowMs } = this.#agenda
    const elapsedMs = nowMs - this.#changedMs
    if (elapsedMs > 0) {
      if (this.#running.length > 0) this.busyMs += elapsedMs
      for (const job of this.#running) {
        if (job.leftTokens !== undefined) job.leftTokens -= elapsedMs / this.#tokenMs(job)
      }
    }
    this.#changedMs = nowMs
  }

  /** Something changed: begins what can begin, and plans what happens next. */
  #schedule(): void {
    this.#admit()
    const version = ++this.#version
    let nextMs = Math.min(
      this.#prefilling?.endsMs ?? Number.POSITIVE_INFINITY,
      this.#loading?.endsMs ?? Number.POSITIVE_INFINITY,
    )
    for (const job of this.#running)
      if (job.leftTokens !== undefined) nextMs = Math.min(nextMs, this.#agenda.nowMs + this.#leftMs(job))
    if (nextMs === Number.POSITIVE_INFINITY) return
    this.#agenda.plan(Math.max(nextMs, this.#agenda.nowMs), () => {
      if (version === this.#version) this.#happen()
    })
  }

  #happen(): void {
    const { nowMs } = this.#agenda
    this.#advance()
    if (this.#loading !== undefined && this.#loading.endsMs <= nowMs) {
      this.#loaded.set(this.#loading.model.name, nowMs)
      this.#loading = undefined
    }
    const begun = this.#prefilling
    if (begun !== undefined && begun.endsMs <= nowMs) {
      const { job } = begun
      this.#prefilling = undefined
      job.leftTokens = job.work.answerTokens
      this.#cache.add(job.work.prompt)
      job.work.onFirstToken(job.cachedTokens)
    }
    // Rounding leaves a trace of a token.
    const ended = this.#running.filter(({ leftTokens }) => leftTokens !== undefined && leftTokens <= 1e-6)
    if (ended.length > 0) {
      this.#running = this.#running.filter((job) => !ended.includes(job))
      for (const { work, model } of ended) {
        this.#loaded.set(model.name, nowMs)
        this.#cache.add(work.answered)
        work.onEnd()
      }
    }
    this.#schedule()
  }

  #admit(): void {
    for (;;) {
      const [job] = this.#waiting
      if (job === undefined || this.#running.length >= this.spec.maxRunning) break
      if (!this.#hasRoomFor(job) || !this.#isReady(job.model)) break
      this.#waiting.shift()
      this.#running.push(job)
      this.#loaded.set(job.model.name, this.#agenda.nowMs)
    }
    if (this.#prefilling !== undefined) return
    const next = this.#running.find(({ leftTokens }) => leftTokens === undefined)
    if (next === undefined) return
    next.cachedTokens = this.#cache.match(next.work.prompt)
    const ms = this.#prefillMs(next.work.prompt, next.model, next.cachedTokens)
    this.#prefilling = { job: next, endsMs: this.#agenda.nowMs + ms }
  }

  #hasRoomFor({ work }: Job): boolean {
    const needed = promptTokens(work.prompt) + work.answerTokens
    return this.#running.length === 0 || this.#kvTokens() + needed <= this.spec.kvTokens
  }

  /** Whether a model is in memory; if not and if there is room, it is loaded. */
  #isReady(model: ModelSpec): boolean {
    if (this.#loaded.has(model.name)) return true
    if (this.#loading !== undefined) return false
    for (const [name] of [...this.#loaded].sort((a, b) => a[1] - b[1])) {
      if (this.#usedGb() + model.sizeGb <= this.spec.memoryGb) break
      if (this.#isIdle(name)) this.#loaded.delete(name)
    }
    if (this.#usedGb() + model.sizeGb > this.spec.memoryGb) return false
    this.loads++
    this.#loading = { model, endsMs: this.#agenda.nowMs + this.#loadMs(model) }
    return false
  }
}
