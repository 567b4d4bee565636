import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { ContextLimit } from '../../../errors/context-limit.ts'
import { charactersOf, type InputUnit, inputUnits } from './input-units.ts'

/** Room for the answer if the request does not limit it. */
const defaultAnswerTokens = 1_024
/** Part of the context that an answer without a limit, and one with a limit, may take at most. */
const defaultAnswerPart = 4
const answerPart = 2
/** An estimate may be this much too low: a shortened input leaves that room. */
const estimateError = 1.15
const bytesPerToken = 4

/** A request whose oldest input items may be left out (`truncation: auto`), and the size of its prompt. */
export class InputTruncation {
  readonly #request: JsonObject
  /** An estimate. */
  readonly #promptTokens: number
  readonly #tokensPerCharacter: number
  readonly #items: readonly unknown[]
  #units: readonly InputUnit[] | undefined

  /** @param promptTokens an estimate; undefined estimates by the length of the texts */
  constructor(request: JsonObject, promptTokens?: number) {
    this.#request = request
    this.#items = Array.isArray(request.input) ? request.input : []
    const { input, instructions, tools } = request
    const characters = Math.max(1, charactersOf([input, instructions, tools]))
    this.#promptTokens = promptTokens ?? Math.ceil(characters / bytesPerToken)
    this.#tokensPerCharacter = this.#promptTokens / characters
  }

  get promptTokens(): number {
    return this.#promptTokens
  }

  /**
   * The request without as many of its oldest items as necessary for a context.
   * @returns undefined if it fits as it is, or nothing can be left out
   */
  toFit(contextTokens: number): ShorterInput | undefined {
    const room = this.#roomIn(contextTokens)
    return this.#promptTokens <= room ? undefined : this.#within(room / estimateError)
  }

  /**
   * A shorter request after an endpoint's refusal.
   * @param sentTokens estimate of the request that was refused
   * @returns undefined if nothing more can be left out
   */
  afterRefusal(
    { limitTokens, promptTokens, isLowerBound }: ContextLimit,
    sentTokens: number,
  ): ShorterInput | undefined {
    let room = sentTokens / 2
    if (limitTokens !== undefined && promptTokens !== undefined && isLowerBound !== true) {
      // The endpoint has counted, so the estimate can be corrected.
      const counted = promptTokens / sentTokens
      room = Math.min(this.#roomIn(limitTokens) / counted / estimateError, sentTokens - 1)
    }
    return this.#within(room, sentTokens)
  }

  #roomIn(contextTokens: number): number {
    const { max_output_tokens: max } = this.#request
    const answerTokens =
      typeof max === 'number'
        ? Math.min(max, contextTokens / answerPart)
        : Math.min(defaultAnswerTokens, contextTokens / defaultAnswerPart)
    return contextTokens - answerTokens
  }

  /** Leaves out units, oldest first, until the rest fits. @param below the result must be shorter */
  #within(maxTokens: number, below = Number.POSITIVE_INFINITY): ShorterInput | undefined {
    this.#units ??= inputUnits(this.#items)
    const left = new Set<number>()
    let tokens = this.#promptTokens
    for (const { places, characters, isFixed } of this.#units) {
      if (tokens <= maxTokens) break
      if (isFixed) continue
      for (const place of places) left.add(place)
      tokens -= characters * this.#tokensPerCharacter
    }
    if (left.size === 0 || tokens >= below) return undefined
    const input = this.#items.filter((_, place) => !left.has(place))
    return { request: { ...this.#request, input }, promptTokens: Math.max(1, Math.ceil(tokens)) }
  }
}

export interface ShorterInput {
  readonly request: JsonObject
  /** An estimate. */
  readonly promptTokens: number
}

/** Whether a request asks for its oldest items to be left out. */
export function asksForTruncation(request: unknown): request is JsonObject {
  return isObject(request) && request.truncation === 'auto' && Array.isArray(request.input)
}
