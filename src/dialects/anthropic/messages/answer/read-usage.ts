import { type JsonObject, numberField, objectField } from '../../../../kernel/json/json-fields.ts'
import type { Usage } from '../../../hub/contract/answer.ts'

/** The counts of a message so far; later events contain the totals, or only some of them. */
export class MessageUsage {
  #input = 0
  #cacheRead = 0
  #cacheWrite = 0
  #output: number | undefined
  #thinking: number | undefined

  /** Whether the endpoint has counted the prompt. */
  get hasPrompt(): boolean {
    return this.#input + this.#cacheRead + this.#cacheWrite > 0
  }

  /** Adds the counts of the prompt. A zero or a missing field leaves the earlier count. */
  addPrompt(usage: JsonObject | undefined): void {
    if (usage === undefined) return
    this.#input = numberField(usage, 'input_tokens') || this.#input
    this.#cacheRead = numberField(usage, 'cache_read_input_tokens') || this.#cacheRead
    this.#cacheWrite = numberField(usage, 'cache_creation_input_tokens') || this.#cacheWrite
  }

  /** Adds all counts. */
  add(usage: JsonObject | undefined): void {
    if (usage === undefined) return
    this.addPrompt(usage)
    this.#output = numberField(usage, 'output_tokens') || this.#output
    const details = objectField(usage, 'output_tokens_details')
    this.#thinking = (details && numberField(details, 'thinking_tokens')) ?? this.#thinking
  }

  /**
   * The counts in neutral terms, in which the prompt includes cached tokens.
   * @param estimated replaces a count that the endpoint does not report
   */
  read(estimated: { readonly promptTokens: number; readonly completionTokens: number }): Usage {
    return {
      promptTokens: this.hasPrompt
        ? this.#input + this.#cacheRead + this.#cacheWrite
        : estimated.promptTokens,
      cachedTokens: this.#cacheRead,
      cacheWriteTokens: this.#cacheWrite,
      completionTokens: this.#output ?? estimated.completionTokens,
      reasoningTokens: this.#thinking,
    }
  }
}
