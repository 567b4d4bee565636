import type { Clock } from '../../kernel/clock.ts'
import { Remembered } from '../../kernel/remembered.ts'
import { addSample, type FirstTokenSample, fitCells, fitOf } from './rate-fit.ts'
import { ofNoEndpoint, type RateTable, rateCells } from './rate-table.ts'

/** A model on an endpoint. */
export interface RateSubject {
  readonly endpoint: { readonly slot: number; readonly type: string }
  readonly nativeModel?: string | undefined
}

/** What a finished request shows; undefined and NaN are unknown. */
export interface RateSample {
  /** Prompt tokens in all, and those that were not cached. */
  readonly promptTokens: number | undefined
  readonly uncachedTokens: number | undefined
  /** Bytes of the prompt, if the tokens are of a text alone. */
  readonly promptBytes: number | undefined
  /** How busy the engine was when it was sent, 0 to 1. */
  readonly busy: number
  /** Time to the first token, without the prompts ahead and waits that were expected. */
  readonly firstTokenMs: number | undefined
  /** From sending it to its end. */
  readonly totalMs: number | undefined
  readonly answerTokens: number | undefined
  readonly tokenGapMs: number | undefined
  /** Part of the tokens believed to be cached that were, 0 to 1. */
  readonly cachedShare: number | undefined
  /** What loading the model took. */
  readonly loadMs: number | undefined
}

/** Guesses before any request has been answered. A request in the engine costs as much as the base. */
export const guessed = {
  baseMs: 200,
  tokenMs: 0.5,
  busyMs: 200,
  totalMs: 8_000,
  loadMs: 10_000,
  tokensPerByte: 0.27,
} as const

const guessedFit = fitOf(guessed)

/** 0 is unknown. */
const leastCachedShare = 0.01
/** Averages count the last samples about so much. */
const averageShare = 0.15

/**
 * What was learned of models on endpoints. A model on an endpoint about which little is known borrows from the
 * endpoint's other models, those from the same model on other endpoints, that from all endpoints of its type, and that
 * from a guess.
 */
export class LearnedRates {
  readonly table: RateTable
  readonly #clock: Pick<Clock, 'monotonicMs'>

  constructor(table: RateTable, clock: Pick<Clock, 'monotonicMs'>) {
    this.table = table
    this.#clock = clock
  }

  /** First cell of the row to read for a candidate: its own, else the nearest with samples; -1 if there is none. */
  startOf({ endpoint, nativeModel }: RateSubject): number {
    const { table } = this
    let row = this.#learned(table.find(endpoint.slot, nativeModel ?? ''))
    // Endpoints differ more than models do.
    if (row < 0) row = this.#learned(table.find(endpoint.slot, anyModel))
    if (row < 0 && nativeModel !== undefined)
      row = this.#learned(table.find(ofNoEndpoint, modelKey(nativeModel)))
    if (row < 0) row = this.#learned(table.find(ofNoEndpoint, typeKey(endpoint.type)))
    return row < 0 ? -1 : table.start(row)
  }

  /** Tokens per byte of a model's prompts. */
  tokensPerByte(start: number): number {
    return this.#known(start, rateCells.tokensPerByte, guessed.tokensPerByte)
  }

  /**
   * Time to load a model that is not in memory: less if it is being loaded.
   * @param start from `startOf`
   * @param isBusy whether the endpoint has other requests
   */
  loadMs({ endpoint, nativeModel }: RateSubject, start: number, isBusy: boolean): number {
    const row = this.table.find(endpoint.slot, nativeModel ?? '')
    const own = row < 0 ? start : this.table.start(row)
    const nowMs = this.#clock.monotonicMs()
    const untilMs = row < 0 ? 0 : (this.table.cells[own + rateCells.loadingUntilMs] ?? 0)
    if (untilMs > nowMs) return untilMs - nowMs
    const idleMs = this.#known(own, rateCells.loadMs, this.#known(start, rateCells.loadMs, guessed.loadMs))
    return isBusy ? Math.max(idleMs, this.#known(own, rateCells.busyLoadMs, idleMs)) : idleMs
  }

  /** A cold model is being loaded for a request. */
  loads(subject: RateSubject): void {
    const nowMs = this.#clock.monotonicMs()
    const row = this.table.take(subject.endpoint.slot, subject.nativeModel ?? '', nowMs)
    const start = this.table.start(row)
    const untilMs = this.table.cells[start + rateCells.loadingUntilMs] ?? 0
    if (untilMs <= nowMs) {
      this.table.cells[start + rateCells.loadingUntilMs] =
        nowMs + this.#known(start, rateCells.loadMs, guessed.loadMs)
    }
  }

  learn({ endpoint, nativeModel }: RateSubject, sample: RateSample): void {
    const nowMs = this.#clock.monotonicMs()
    const { table } = this
    const { uncachedTokens, firstTokenMs, busy } = sample
    const first =
      uncachedTokens === undefined || firstTokenMs === undefined
        ? undefined
        : { tokens: uncachedTokens, busy, firstTokenMs }
    let prior = this.#learnIn(table.take(ofNoEndpoint, typeKey(endpoint.type), nowMs), sample, first, -1)
    if (nativeModel !== undefined)
      prior = this.#learnIn(table.take(ofNoEndpoint, modelKey(nativeModel), nowMs), sample, first, prior)
    prior = this.#learnIn(table.take(endpoint.slot, anyModel, nowMs), sample, first, prior)
    this.#learnIn(table.take(endpoint.slot, nativeModel ?? '', nowMs), sample, first, prior)
  }

  /** Forgets an endpoint that became another server. */
  clear(slot: number): void {
    this.table.clear(slot)
  }

  /**
   * @param first undefined without a first token
   * @param prior first cell of the row that it borrows from; -1 for the guess
   * @returns first cell of the row that the next one borrows from
   */
  #learnIn(row: number, sample: RateSample, first: FirstTokenSample | undefined, prior: number): number {
    const wasLearned = this.#learned(row) >= 0
    const { cells } = this.table
    const start = this.table.start(row)
    this.table.lock(row)
    if (first !== undefined) {
      if (prior < 0) addSample(cells, start + rateCells.fit, first, guessedFit, 0)
      else addSample(cells, start + rateCells.fit, first, cells, prior + rateCells.fit)
      average(cells, start + rateCells.firstMs, first.firstTokenMs)
    }
    average(cells, start + rateCells.promptTokens, sample.uncachedTokens)
    average(cells, start + rateCells.answerTokens, sample.answerTokens)
    average(cells, start + rateCells.totalMs, sample.totalMs)
    average(cells, start + rateCells.decodeMs, sample.tokenGapMs)
    average(cells, start + (sample.busy > 0 ? rateCells.busyLoadMs : rateCells.loadMs), sample.loadMs)
    if (sample.cachedShare !== undefined)
      average(cells, start + rateCells.cachedShare, Math.max(leastCachedShare, sample.cachedShare))
    if (sample.loadMs !== undefined) cells[start + rateCells.loadingUntilMs] = 0
    if (sample.promptBytes !== undefined && sample.promptBytes > 0 && sample.promptTokens !== undefined)
      average(cells, start + rateCells.tokensPerByte, sample.promptTokens / sample.promptBytes)
    cells[start + rateCells.count] = (cells[start + rateCells.count] ?? 0) + 1
    this.table.unlock(row)
    if (this.#learned(row) < 0) return prior
    // Candidates that borrowed find their own row now.
    if (!wasLearned) this.table.changed()
    return start
  }

  /** @returns -1 if no first token was seen */
  #learned(row: number): number {
    if (row < 0) return -1
    const at = this.table.start(row) + rateCells.fit + fitCells.weight
    return (this.table.cells[at] ?? 0) > 0 ? row : -1
  }

  #known(start: number, cell: number, otherwise: number): number {
    const value = start < 0 ? 0 : (this.table.cells[start + cell] ?? 0)
    return value > 0 ? value : otherwise
  }
}

/** @param value undefined is unknown */
function average(cells: Float64Array, at: number, value: number | undefined): void {
  if (value === undefined || !(value >= 0)) return
  const before = cells[at] ?? 0
  cells[at] = before === 0 ? value : before + (value - before) * averageShare
}

/** Row of all models of an endpoint. */
const anyModel = ' any'

const modelKeys = new Remembered<string>()
const typeKeys = new Remembered<string>()

/** Endpoints spell models differently: `Llama3:latest` is `llama3`. */
function modelKey(nativeModel: string): string {
  let key = modelKeys.get(nativeModel)
  if (key === undefined) {
    key = `model ${nativeModel.toLowerCase().replace(/:latest$/, '')}`
    modelKeys.set(nativeModel, key)
  }
  return key
}

function typeKey(type: string): string {
  let key = typeKeys.get(type)
  if (key === undefined) {
    key = `type ${type}`
    typeKeys.set(type, key)
  }
  return key
}
