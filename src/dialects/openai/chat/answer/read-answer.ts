import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { type AnswerBuilder, brokenAnswer } from '../../../hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../../hub/answer/answer-reader.ts'
import type { TokenLogprob } from '../../../hub/contract/answer.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'
import { isBrokenFinish } from '../../../hub/parts/broken-finish.ts'
import { failureIn } from '../../../hub/parts/failure.ts'
import { readChatUsage } from './chat-usage.ts'
import { readFinish } from './finish-reason.ts'

const noDelta: JsonObject = {}

/** Reads an OpenAI chat completion, whole or in chunks. Only the first choice is read. */
export class ChatReader implements AnswerReader {
  readonly #builder: AnswerBuilder

  constructor(builder: AnswerBuilder) {
    this.#builder = builder
  }

  push(value: JsonObject): void {
    const builder = this.#builder
    const failure = failureIn(value)
    if (failure !== undefined) {
      builder.fail(failure)
      return
    }
    const usage = readChatUsage(value.usage)
    builder.usage(usage)
    if (typeof value.service_tier === 'string') builder.serviceTier(value.service_tier)
    builder.start({ id: textField(value, 'id'), model: textField(value, 'model') })
    const choice = firstChoice(listField(value, 'choices'))
    if (choice !== undefined) this.#choice(choice)
    // After usage in earlier chunks only, the final usage may follow the end.
    if (usage !== undefined) builder.completeIfWhole()
  }

  #choice(choice: JsonObject): void {
    const builder = this.#builder
    if (builder.hasStopped) return
    const delta = objectField(choice, 'delta')
    const logprobs = tokenLogprobs(choice.logprobs)
    if (delta !== undefined) this.#delta(delta, false, logprobs)
    else this.#delta(objectField(choice, 'message') ?? noDelta, true, logprobs)
    // Completions have no message.
    if (typeof choice.text === 'string') builder.text(choice.text)
    if (builder.outcome !== undefined) return
    const finish = textField(choice, 'finish_reason')
    if (finish === undefined || finish === '') return
    if (isBrokenFinish(finish)) {
      builder.fail(brokenAnswer(`The endpoint broke off its answer: ${finish}.`))
      return
    }
    builder.usage(readChatUsage(choice.usage))
    const { reason, stopSequence } = readFinish(choice, builder.expected.stopSequences)
    builder.stop(reason, stopSequence)
  }

  #delta(delta: JsonObject, isWhole: boolean, logprobs: readonly TokenLogprob[] | undefined): void {
    const builder = this.#builder
    const field = textField(delta, 'reasoning_content') ? 'reasoning_content' : 'reasoning'
    builder.thinking(textField(delta, field) ?? '', field)
    const { content } = delta
    if (typeof content !== 'string') for (const part of contentBlocks(content)) this.#part(part)
    else if (isWhole) builder.wholeText(content, logprobs)
    else builder.text(content, logprobs)
    builder.refusal(textField(delta, 'refusal') ?? '')
    const { tool_calls: calls, function_call: call } = delta
    if (Array.isArray(calls)) {
      for (const each of calls) {
        if (!isObject(each)) continue
        if (isWhole) builder.wholeCall(each)
        else builder.callDelta(each)
        if (builder.outcome !== undefined) return
      }
    } else if (isObject(calls)) builder.callDelta(calls)
    else if (isObject(call)) builder.callDelta(call)
  }

  /** Mistral's servers send parts. */
  #part(part: JsonObject): void {
    if (part.type === 'thinking') {
      for (const each of contentBlocks(part.thinking)) this.#builder.thinking(textField(each, 'text') ?? '')
    } else {
      this.#builder.text(textField(part, 'text') ?? '')
    }
  }
}

function firstChoice(choices: readonly unknown[]): JsonObject | undefined {
  for (const each of choices) if (isObject(each) && (each.index ?? 0) === 0) return each
  return undefined
}

/** `logprobs.content` of a choice. */
export function tokenLogprobs(value: unknown): readonly TokenLogprob[] | undefined {
  const list = isObject(value) ? value.content : undefined
  if (!Array.isArray(list)) return undefined
  const read: TokenLogprob[] = []
  for (const each of list) {
    if (!isObject(each) || typeof each.token !== 'string' || typeof each.logprob !== 'number') continue
    const bytes = Array.isArray(each.bytes)
      ? each.bytes.filter((byte): byte is number => typeof byte === 'number')
      : null
    read.push({
      token: each.token,
      logprob: each.logprob,
      bytes,
      top_logprobs: listField(each, 'top_logprobs').filter(isObject),
    })
  }
  return read.length === 0 ? undefined : read
}
