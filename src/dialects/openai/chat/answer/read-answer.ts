import {
  asList,
  asObject,
  asText,
  isObject,
  type JsonObject,
  listField,
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
    const { id, model, choices, service_tier: tier } = value
    const usage = readChatUsage(value.usage)
    builder.usage(usage)
    if (typeof tier === 'string') builder.serviceTier(tier)
    builder.start({ id: asText(id), model: asText(model) })
    const choice = firstChoice(asList(choices))
    if (choice !== undefined) this.#choice(choice)
    // After usage in earlier chunks only, the final usage may follow the end.
    if (usage !== undefined) builder.completeIfWhole()
  }

  #choice(choice: JsonObject): void {
    const builder = this.#builder
    if (builder.hasStopped) return
    const { text, finish_reason: finish } = choice
    const delta = asObject(choice.delta)
    const logprobs = tokenLogprobs(choice.logprobs)
    if (delta !== undefined) this.#delta(delta, false, logprobs)
    else this.#delta(asObject(choice.message) ?? noDelta, true, logprobs)
    // Completions have no message.
    if (typeof text === 'string') builder.text(text)
    if (builder.outcome !== undefined) return
    if (typeof finish !== 'string' || finish === '') return
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
    const { content, reasoning_content: thought, reasoning, refusal } = delta
    if (typeof thought === 'string' && thought !== '') builder.thinking(thought, 'reasoning_content')
    else if (typeof reasoning === 'string') builder.thinking(reasoning, 'reasoning')
    if (typeof content !== 'string') for (const part of contentBlocks(content)) this.#part(part)
    else if (isWhole) builder.wholeText(content, logprobs)
    else builder.text(content, logprobs)
    if (typeof refusal === 'string') builder.refusal(refusal)
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
