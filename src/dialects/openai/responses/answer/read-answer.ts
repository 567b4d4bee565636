import {
  type JsonObject,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { type AnswerBuilder, brokenAnswer } from '../../../hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../../hub/answer/answer-reader.ts'
import { failureIn } from '../../../hub/parts/failure.ts'
import { readChatUsage } from '../../chat/answer/chat-usage.ts'
import { AnswerItems } from './answer-items.ts'
import { readEnding } from './response-ending.ts'

const noHead = {}

/** Reads a response of OpenAI's API, whole or as events. */
export class ResponsesReader implements AnswerReader {
  readonly #builder: AnswerBuilder
  readonly #items: AnswerItems

  constructor(builder: AnswerBuilder) {
    this.#builder = builder
    this.#items = new AnswerItems(builder)
  }

  push(value: JsonObject, eventName: string): void {
    const type = value.type ?? eventName
    if (typeof type !== 'string' || !type.startsWith('response.')) {
      this.#other(value)
      return
    }
    if (this.#life(type, value)) return
    this.#builder.start(noHead)
    this.#content(type, value)
    if (this.#items.isOverLimit) this.#builder.fail(brokenAnswer('The endpoint sent too many items.'))
  }

  /** A whole response, or an error in any shape. */
  #other(value: JsonObject): void {
    if (value.object === 'response' || Array.isArray(value.output)) {
      this.#end(value, '', true)
      return
    }
    const failure = failureIn(value)
    if (failure !== undefined) this.#builder.fail(failure)
  }

  /** @returns false for events of the content */
  #life(type: string, value: JsonObject): boolean {
    switch (type) {
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued':
        this.#start(objectField(value, 'response') ?? noHead)
        return true
      case 'response.completed':
      case 'response.incomplete':
      case 'response.failed':
      case 'response.cancelled':
      case 'response.done':
        this.#end(objectField(value, 'response') ?? value, type.slice('response.'.length), false)
        return true
      default:
        return false
    }
  }

  #content(type: string, value: JsonObject): void {
    const items = this.#items
    switch (type) {
      case 'response.output_text.delta':
        items.text(value, false, deltaOf(value), true)
        return
      case 'response.output_text.done':
        items.text(value, false, textField(value, 'text') ?? '', false)
        return
      case 'response.refusal.delta':
        items.text(value, true, deltaOf(value), true)
        return
      case 'response.refusal.done':
        items.text(value, true, textField(value, 'refusal') ?? '', false)
        return
      case 'response.reasoning_text.delta':
      case 'response.reasoning.delta':
        items.thinking(value, 'text', deltaOf(value), true)
        return
      case 'response.reasoning_text.done':
      case 'response.reasoning.done':
        items.thinking(value, 'text', textField(value, 'text') ?? '', false)
        return
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_summary.delta':
        items.thinking(value, 'summary', deltaOf(value), true)
        return
      case 'response.reasoning_summary_text.done':
      case 'response.reasoning_summary.done':
        items.thinking(value, 'summary', textField(value, 'text') ?? '', false)
        return
      case 'response.function_call_arguments.delta':
        items.callArguments(value, deltaOf(value))
        return
      case 'response.function_call_arguments.done':
        items.wholeArguments(value, 'call', textField(value, 'arguments'))
        return
      case 'response.custom_tool_call_input.delta':
        items.customInput(value, deltaOf(value))
        return
      case 'response.custom_tool_call_input.done':
        items.wholeArguments(value, 'custom', textField(value, 'input'))
        return
      case 'response.output_item.added':
        items.begin(value)
        return
      case 'response.output_item.done':
        items.end(value)
        return
      default:
    }
  }

  #start(response: JsonObject): void {
    this.#builder.start({ id: textField(response, 'id'), model: textField(response, 'model') })
  }

  /** @param status as the name of the event says it */
  #end(response: JsonObject, status: string, isWhole: boolean): void {
    const builder = this.#builder
    const ending = readEnding(response, status)
    if ('failure' in ending) {
      builder.fail(ending.failure)
      return
    }
    builder.usage(readChatUsage(response.usage))
    const tier = textField(response, 'service_tier')
    if (tier !== undefined && tier !== 'default') builder.serviceTier(tier)
    this.#start(response)
    this.#items.rest(listField(response, 'output'), isWhole)
    if (this.#items.isOverLimit) builder.fail(brokenAnswer('The endpoint sent too many items.'))
    if (builder.outcome !== undefined) return
    builder.stop(ending.stop === 'end' && this.#isCut(response) ? 'length' : ending.stop)
    builder.done()
  }

  /** llama.cpp calls a response complete that `max_output_tokens` cut off. */
  #isCut(response: JsonObject): boolean {
    const { maxTokens } = this.#builder.expected
    const limit = numberField(response, 'max_output_tokens') ?? maxTokens
    const tokens = readChatUsage(response.usage)?.completionTokens
    return limit !== undefined && tokens !== undefined && tokens >= limit
  }
}

function deltaOf(event: JsonObject): string {
  return textField(event, 'delta') ?? ''
}
