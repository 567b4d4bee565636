import type { Tokenizer } from '../../dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { openBrace, skipSpace } from '../../kernel/json/json-bytes.ts'
import { Remembered } from '../../kernel/remembered.ts'
import type { MeteredRequest } from '../../proxy/contract/caller-meter.ts'
import { bodyTokens } from './body-tokens.ts'
import { audioSecondsOf, operationUse } from './operation-use.ts'
import { noOutputLimit, outputLimit } from './output-limit.ts'

/** What a request is likely to use. */
export interface Estimate {
  promptTokens: number
  completionTokens: number
  /** Of audio to transcribe. */
  audioSeconds: number
}

/** What is known of a model's requests on this thread: high quantiles that follow what comes. */
interface ModelHistory {
  /** Tokens per byte of a request, for small requests and for others; 0 if unknown. */
  small: number
  large: number
  /** Tokens of an answer. */
  completionTokens: number
}

/** Above this size, names and punctuation of JSON no longer matter. */
const smallBytes = 1_024
/** Until a model has answered: English text has about four bytes per token; code and other scripts have fewer. */
const firstTokensPerByte = 1 / 3
const firstCompletionTokens = 1_024
/** The first answer says little of the others. */
const firstSpare = 1.25
/** An estimate rises by a quarter of what it lacked, and falls by a hundredth of what it had too much: about a 95 % quantile. */
const rise = 0.25
const fall = 0.01

/** Estimates what requests will use, by their size, their maximum and what the model's requests used before. */
export class Estimates {
  readonly #models = new Remembered<ModelHistory>()
  readonly #tokenizer: Tokenizer

  /** @param tokenizer counts the first requests of a model */
  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer
  }

  /** @param into receives the estimate */
  of({ path, body, inspection }: MeteredRequest, into: Estimate): void {
    into.promptTokens = 0
    into.completionTokens = 0
    into.audioSeconds = 0
    const { isInference, generates, hears } = operationUse(path)
    if (!isInference || body === null) return
    if (hears) into.audioSeconds = audioSecondsOf(Buffer.isBuffer(body) ? body.length : body.bytes)
    const history = this.#models.get(inspection.model ?? '')
    // The tokens of a file are known only once it is read.
    into.promptTokens = 1
    if (!Buffer.isBuffer(body) || body[skipSpace(body, 0)] !== openBrace) return
    const ratio = history === undefined ? 0 : ratioOf(history, body.length)
    into.promptTokens = Math.max(1, bodyTokens(body, ratio, this.#tokenizer))
    if (!generates) return
    const { maxTokens, choices } = inspection.mayLimitOutput ? outputLimit(body) : noOutputLimit
    into.completionTokens = Math.ceil(
      (maxTokens ?? history?.completionTokens ?? firstCompletionTokens) * choices,
    )
  }

  /** The tokens of a prompt of which only the size is known. */
  promptTokensOf(model: string | undefined, bytes: number): number {
    const history = this.#models.get(model ?? '')
    const ratio = history === undefined ? 0 : ratioOf(history, bytes)
    return Math.ceil(bytes * (ratio || firstTokensPerByte))
  }

  /** Learns from an answer that reports its usage. */
  learn(model: string | undefined, bytes: number, promptTokens: number, completionTokens: number): void {
    const name = model ?? ''
    let history = this.#models.get(name)
    if (history === undefined) {
      history = { small: 0, large: 0, completionTokens: completionTokens * firstSpare }
      this.#models.set(name, history)
    }
    history.completionTokens = followed(history.completionTokens, completionTokens)
    if (bytes === 0) return
    const seen = promptTokens / bytes
    if (bytes <= smallBytes) history.small = followed(history.small || seen * firstSpare, seen)
    else history.large = followed(history.large || seen * firstSpare, seen)
  }
}

function ratioOf({ small, large }: ModelHistory, bytes: number): number {
  return bytes <= smallBytes ? small : large
}

function followed(estimate: number, seen: number): number {
  return estimate + (seen - estimate) * (seen > estimate ? rise : fall)
}
