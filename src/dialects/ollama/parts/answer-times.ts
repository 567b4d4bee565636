import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { AnswerEnding } from '../../hub/contract/answer.ts'
import type { FormatCall } from '../../hub/format.ts'

const nsPerMs = 1_000_000
/** An answer whose content arrives in less was not streamed: the time says nothing about its generation. */
const minStreamMs = 1

/** Measures an answer and writes the members of its last line. */
export class AnswerTimes {
  readonly #call: FormatCall
  readonly #startedMs: number
  #contentMs: number | undefined
  /** Of `#createdText`. */
  #createdMs = Number.NaN
  #createdText = ''

  constructor(call: FormatCall) {
    this.#call = call
    this.#startedMs = call.startedMs ?? call.monotonicMs()
  }

  /** `created_at` in RFC 3339, as Go's clients require. */
  createdAt(): string {
    const nowMs = this.#call.nowMs()
    if (nowMs !== this.#createdMs) {
      this.#createdMs = nowMs
      this.#createdText = new Date(nowMs).toISOString()
    }
    return this.#createdText
  }

  /** Notes that a part of the answer has arrived. */
  noteContent(): void {
    this.#contentMs ??= this.#call.monotonicMs()
  }

  /**
   * The counts and durations, in integer nanoseconds. What the endpoint does not report is measured: evaluation of the
   * prompt ends with the first content. Clients divide by the durations, so none of them is 0 but that of loading.
   */
  ending({ reason, usage, timings = {} }: AnswerEnding): JsonObject {
    const endedMs = this.#call.monotonicMs()
    const total = nanoseconds(endedMs - this.#startedMs)
    const load = integer(timings.loadNs ?? 0, 0)
    const contentMs = this.#contentMs ?? endedMs
    const isStreamed = endedMs - contentMs >= minStreamMs
    const generation = integer(
      timings.generationNs ??
        (isStreamed ? nanoseconds(endedMs - contentMs) : total - load - (timings.promptNs ?? 1)),
    )
    const prompt = integer(timings.promptNs ?? total - load - generation)
    return {
      done: true,
      done_reason: reason === 'length' || reason === 'context_full' ? 'length' : 'stop',
      total_duration: Math.max(total, load + prompt + generation),
      load_duration: load,
      prompt_eval_count: integer(usage.promptTokens, 0),
      prompt_eval_duration: prompt,
      eval_count: integer(usage.completionTokens, 0),
      eval_duration: generation,
    }
  }
}

function nanoseconds(ms: number): number {
  return integer(ms * nsPerMs)
}

function integer(value: number, min = 1): number {
  return Math.max(min, Math.round(value))
}
