import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { type AnswerBuilder, brokenAnswer } from '../../../hub/answer/answer-builder.ts'
import type { AnswerReader } from '../../../hub/answer/answer-reader.ts'
import { isBrokenFinish } from '../../../hub/parts/broken-finish.ts'
import { failureIn } from '../../../hub/parts/failure.ts'
import { markedSignature } from '../../../hub/parts/reasoning-signature.ts'
import { MessageUsage } from './read-usage.ts'
import { readStopReason } from './stop-reason.ts'

/** Maximum number of blocks in one message. */
const maxBlocks = 10_000
/** A rough ratio for answers without a count. */
const charactersPerToken = 4
const noHead = {}

/** A tool call that is being received. */
interface OpenCall {
  hasArguments: boolean
}

/**
 * Reads a message of Anthropic's API, whole or as events. Blocks of tools that the server itself runs, and redacted
 * thinking, mean nothing to a client of another API and are left out.
 */
export class MessagesReader implements AnswerReader {
  readonly #builder: AnswerBuilder
  readonly #usage = new MessageUsage()
  /** By the index of the block; undefined for blocks that are not the client's calls. */
  readonly #calls = new Map<number, OpenCall | undefined>()
  #characters = 0

  constructor(builder: AnswerBuilder) {
    this.#builder = builder
  }

  push(value: JsonObject, eventName: string): void {
    switch (value.type ?? eventName) {
      case 'content_block_delta':
        this.#delta(numberField(value, 'index') ?? 0, objectField(value, 'delta'))
        return
      case 'content_block_start':
        this.#startBlock(numberField(value, 'index') ?? 0, objectField(value, 'content_block'))
        return
      case 'content_block_stop':
        this.#stopBlock(numberField(value, 'index') ?? 0)
        return
      case 'message_start':
        this.#startMessage(objectField(value, 'message'))
        return
      case 'message_delta':
        this.#count(objectField(value, 'usage'))
        this.#builder.start(noHead)
        this.#stop(objectField(value, 'delta'))
        return
      case 'message_stop':
        this.#builder.done()
        return
      case 'ping':
        return
      case 'message':
        this.#message(value)
        return
      default:
        this.#other(value)
    }
  }

  /** An error in any shape, or a message without its type. */
  #other(value: JsonObject): void {
    const failure = failureIn(value)
    if (failure !== undefined) this.#builder.fail(failure)
    else if (Array.isArray(value.content)) this.#message(value)
  }

  #startMessage(message: JsonObject | undefined): void {
    if (message === undefined) return
    // The head of the client's stream then has the endpoint's count instead of an estimate.
    this.#usage.addPrompt(objectField(message, 'usage'))
    if (this.#usage.hasPrompt) this.#builder.usage(this.#counted())
    this.#builder.start({ id: textField(message, 'id'), model: textField(message, 'model') })
    for (const block of listField(message, 'content')) if (isObject(block)) this.#wholeBlock(block, false)
  }

  #message(message: JsonObject): void {
    const failure = isObject(message.error) ? failureIn(message) : undefined
    if (failure !== undefined) {
      this.#builder.fail(failure)
      return
    }
    this.#usage.addPrompt(objectField(message, 'usage'))
    if (this.#usage.hasPrompt) this.#builder.usage(this.#counted())
    this.#builder.start({ id: textField(message, 'id'), model: textField(message, 'model') })
    let isFirst = true
    const { content } = message
    if (typeof content === 'string') this.#builder.wholeText(content)
    else
      for (const block of listField(message, 'content')) {
        if (!isObject(block)) continue
        this.#wholeBlock(block, isFirst)
        if (block.type === 'text') isFirst = false
        if (this.#builder.outcome !== undefined) return
      }
    this.#count(objectField(message, 'usage'))
    this.#stop(message)
    if (this.#builder.hasStopped) this.#builder.done()
  }

  #wholeBlock(block: JsonObject, isFirstText: boolean): void {
    const builder = this.#builder
    const text = textField(block, 'text') ?? ''
    switch (block.type) {
      case 'text':
        this.#characters += text.length
        if (isFirstText) builder.wholeText(text)
        else builder.text(text)
        return
      case 'thinking':
        this.#thinking(textField(block, 'thinking') ?? '')
        this.#sign(block)
        return
      case 'tool_use':
        builder.wholeCall({ id: block.id, function: { name: block.name, arguments: block.input } })
        return
      default:
    }
  }

  #startBlock(index: number, block: JsonObject | undefined): void {
    if (block === undefined) return
    this.#builder.start(noHead)
    if (this.#calls.size >= maxBlocks) {
      this.#builder.fail(brokenAnswer('The endpoint sent too many blocks.'))
      return
    }
    if (block.type !== 'tool_use') {
      this.#calls.set(index, undefined)
      this.#wholeBlock(block, false)
      return
    }
    // Most servers start with `{}` and send the input as deltas; some send all of it here.
    const input = isObject(block.input) && Object.keys(block.input).length > 0 ? block.input : ''
    this.#calls.set(index, { hasArguments: input !== '' })
    this.#builder.callDelta({ index, id: block.id, function: { name: block.name, arguments: input } })
  }

  #delta(index: number, delta: JsonObject | undefined): void {
    this.#builder.start(noHead)
    switch (delta?.type) {
      case 'text_delta': {
        const text = textField(delta, 'text') ?? ''
        this.#characters += text.length
        this.#builder.text(text)
        return
      }
      case 'input_json_delta':
        this.#arguments(index, textField(delta, 'partial_json') ?? '')
        return
      case 'thinking_delta':
        this.#thinking(textField(delta, 'thinking') ?? '')
        return
      case 'signature_delta':
        this.#sign(delta)
        return
      default:
    }
  }

  #arguments(index: number, text: string): void {
    const call = this.#calls.get(index)
    if (call === undefined || text === '') return
    call.hasArguments = true
    this.#characters += text.length
    this.#builder.callDelta({ index, function: { arguments: text } })
  }

  /** A call without arguments is complete now, so that what follows it need not wait for the end. */
  #stopBlock(index: number): void {
    const call = this.#calls.get(index)
    if (call !== undefined && !call.hasArguments) this.#arguments(index, '{}')
  }

  #thinking(text: string): void {
    this.#characters += text.length
    this.#builder.thinking(text)
  }

  #sign(block: JsonObject): void {
    const { endpointMark } = this.#builder.expected
    this.#builder.sign(markedSignature('messages', endpointMark, textField(block, 'signature') ?? ''))
  }

  #count(usage: JsonObject | undefined): void {
    if (usage?.service_tier === 'priority') this.#builder.serviceTier('priority')
    this.#usage.add(usage)
    if (usage !== undefined || this.#usage.hasPrompt) this.#builder.usage(this.#counted())
  }

  #counted() {
    const { promptTokens } = this.#builder.expected
    const completionTokens = Math.ceil(this.#characters / charactersPerToken)
    return this.#usage.read({ promptTokens, completionTokens })
  }

  #stop(ending: JsonObject | undefined): void {
    const reason = ending === undefined ? undefined : textField(ending, 'stop_reason')
    if (ending === undefined || reason === undefined || reason === '') return
    if (isBrokenFinish(reason)) {
      this.#builder.fail(brokenAnswer(`The endpoint broke off its answer: ${reason}.`))
      return
    }
    this.#builder.stop(readStopReason(reason), textField(ending, 'stop_sequence') ?? null)
  }
}
