import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  textField,
} from '../../../kernel/json/json-fields.ts'
import type { AnswerBuilder } from '../../hub/answer/answer-builder.ts'
import type { StopReason, TokenLogprob, Usage } from '../../hub/contract/answer.ts'
import { failureIn } from '../../hub/parts/failure.ts'
import { readLogprobs } from './logprobs.ts'

/** Ollama reports `stop` for calls as well, and versions before 0.1.44 report nothing. */
const byDoneReason: Readonly<Record<string, StopReason>> = { length: 'length' }

/** Reads the lines of an answer, or a whole answer, of `/api/chat` and `/api/generate`. */
export class LineContent {
  readonly #builder: AnswerBuilder
  /** Of tokens whose text Ollama has not sent yet, because they may belong to a call. */
  #logprobs: TokenLogprob[] | undefined

  constructor(builder: AnswerBuilder) {
    this.#builder = builder
  }

  /**
   * @param holder the object that contains the text, the thinking and the calls
   * @param textKey of the text
   */
  push(value: JsonObject, holder: JsonObject, textKey: 'content' | 'response', isWhole: boolean): void {
    const builder = this.#builder
    const failure = failureIn(value)
    if (failure !== undefined) {
      builder.fail(failure)
      return
    }
    builder.start({ model: textField(value, 'model') })
    const thinking = textField(holder, 'thinking') ?? ''
    builder.thinking(thinking)
    this.#text(textField(holder, textKey) ?? '', thinking === '' ? value.logprobs : undefined, isWhole)
    for (const call of listField(holder, 'tool_calls')) {
      if (isObject(call) && builder.outcome === undefined) builder.wholeCall(call)
    }
    if (value.done === true && builder.outcome === undefined) this.#end(value)
  }

  #text(text: string, logprobs: unknown, isWhole: boolean): void {
    const read = readLogprobs(logprobs)
    if (read !== undefined) {
      if (this.#logprobs === undefined) this.#logprobs = read
      else for (const each of read) this.#logprobs.push(each)
    }
    if (text === '') return
    const all = this.#logprobs
    this.#logprobs = undefined
    if (isWhole) this.#builder.wholeText(text, all)
    else this.#builder.text(text, all)
  }

  #end(value: JsonObject): void {
    const builder = this.#builder
    builder.usage(usageOf(value, builder.expected.promptTokens))
    builder.timings({
      loadNs: numberField(value, 'load_duration'),
      promptNs: numberField(value, 'prompt_eval_duration'),
      generationNs: numberField(value, 'eval_duration'),
    })
    builder.stop(byDoneReason[textField(value, 'done_reason') ?? ''] ?? 'end')
    builder.done()
  }
}

/** @param estimate of the prompt, which some versions do not count if all of it is in their cache */
function usageOf(value: JsonObject, estimate: number): Usage | undefined {
  const prompt = numberField(value, 'prompt_eval_count')
  const completion = numberField(value, 'eval_count')
  if (prompt === undefined && completion === undefined) return undefined
  return {
    promptTokens: prompt ?? estimate,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    completionTokens: completion ?? 0,
  }
}
