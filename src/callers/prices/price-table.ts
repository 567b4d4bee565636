import type { SectionOptions } from '../../config/options/sections.ts'
import { matchesLower } from '../../kernel/names/glob.ts'
import { Remembered } from '../../kernel/remembered.ts'

/** Budgets count money in hundred-millionths of the currency, which is a cent per million tokens. */
export const moneyUnit = 1e-8

/** What a model costs, in money. */
export interface Price {
  /** Per token. */
  readonly input: number
  readonly cachedInput: number
  readonly output: number
  readonly request: number
  /** Per second of audio that is transcribed. */
  readonly audioSecond: number
}

/** What of a request has a price; cached tokens are part of the prompt. */
export interface PricedUse {
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
  readonly audioSeconds: number
}

type PriceEntries = SectionOptions<'callers'>['prices']

interface PricedModels {
  readonly globs: readonly string[]
  readonly price: Price
}

/** Prices by models' names. The first entry that matches a name counts. */
export class PriceTable {
  #entries: readonly PricedModels[]
  #known = new Remembered<Price | null>()

  constructor(entries: PriceEntries) {
    this.#entries = entries.map(pricedModels)
  }

  /** @returns a function that uses these prices from now on */
  prepare(entries: PriceEntries): () => void {
    const prepared = entries.map(pricedModels)
    return () => {
      this.#entries = prepared
      this.#known = new Remembered()
    }
  }

  /** @returns undefined if the model has no price, which is not the same as being free */
  of(model: string | undefined): Price | undefined {
    const name = model ?? ''
    let price = this.#known.get(name)
    if (price === undefined) {
      const lower = name.toLowerCase()
      const entry = this.#entries.find(({ globs }) => globs.some((glob) => matchesLower(glob, lower)))
      price = entry?.price ?? null
      this.#known.set(name, price)
    }
    return price ?? undefined
  }
}

function pricedModels({
  models,
  input,
  cached_input: cachedInput,
  output,
  request,
  audio_second: audioSecond,
}: PriceEntries[number]): PricedModels {
  return {
    globs: models.map((glob) => glob.toLowerCase()),
    price: {
      input: input / 1e6,
      cachedInput: (cachedInput ?? input) / 1e6,
      output: output / 1e6,
      request,
      audioSecond,
    },
  }
}

export function costOf(price: Price, use: PricedUse): number {
  const { promptTokens, cachedTokens, completionTokens, audioSeconds } = use
  const cached = Math.min(cachedTokens, promptTokens)
  const { input, cachedInput, output, request, audioSecond } = price
  const tokens = (promptTokens - cached) * input + cached * cachedInput + completionTokens * output
  return tokens + audioSeconds * audioSecond + request
}

/** A cost as budgets count it. Rounded up, but not because of the last binary digit of a product. */
export function toMoneyUnits(cost: number): number {
  return Math.ceil(cost / moneyUnit - 1e-6)
}
