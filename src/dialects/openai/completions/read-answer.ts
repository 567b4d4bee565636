import { isObject, type JsonObject, listField, textField } from '../../../kernel/json/json-fields.ts'
import { type AnswerBuilder, brokenAnswer } from '../../hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../hub/answer/answer-reader.ts'
import { isBrokenFinish } from '../../hub/parts/broken-finish.ts'
import { failureIn } from '../../hub/parts/failure.ts'
import { readChatUsage } from '../chat/answer/chat-usage.ts'
import { readFinish } from '../chat/answer/finish-reason.ts'
import { readCompletionLogprobs } from './completion-logprobs.ts'

/** Reads an OpenAI completion, whole or in chunks. Only the first choice is read. */
export class CompletionsReader implements AnswerReader {
  readonly #builder: AnswerBuilder

  constructor(builder: AnswerBuilder) {
    this.#builder = builder
  }

  push(value: JsonObject, _eventName: string, isWhole: boolean): void {
    const builder = this.#builder
    const failure = failureIn(value)
    if (failure !== undefined) {
      builder.fail(failure)
      return
    }
    const usage = readChatUsage(value.usage)
    builder.usage(usage)
    builder.start({ id: textField(value, 'id'), model: textField(value, 'model') })
    const choice = listField(value, 'choices').find((each) => isObject(each) && (each.index ?? 0) === 0)
    if (isObject(choice)) this.#choice(choice, isWhole)
    if (usage !== undefined) builder.completeIfWhole()
  }

  #choice(choice: JsonObject, isWhole: boolean): void {
    const builder = this.#builder
    if (builder.hasStopped) return
    const text = textField(choice, 'text') ?? ''
    const logprobs = readCompletionLogprobs(choice.logprobs)
    if (isWhole) builder.wholeText(text, logprobs)
    else builder.text(text, logprobs)
    if (builder.outcome !== undefined) return
    const finish = textField(choice, 'finish_reason')
    if (finish === undefined || finish === '') return
    if (isBrokenFinish(finish)) {
      builder.fail(brokenAnswer(`The endpoint broke off its answer: ${finish}.`))
      return
    }
    const { reason, stopSequence } = readFinish(choice, builder.expected.stopSequences)
    builder.stop(reason, stopSequence)
  }
}
