import { BlockSequence, type CallKey } from './block-sequence.ts'
import { contentBlocks } from './blocks.ts'
import { readChatUsage } from './chat-usage.ts'
import { isObject, type JsonObject, listField, numberField, objectField, textField } from './json-fields.ts'
import type { MessageError, MessageUsage, MessageWriter } from './message-shape.ts'
import { isBrokenFinish, readStop } from './stop-reason.ts'
import { ThinkTags } from './think-tags.ts'
import { readUpstreamError } from './upstream-error.ts'

/** What is known of an answer before it comes. */
export interface ExpectedAnswer {
  /** `msg_…` */
  readonly messageId: string
  /** What the client calls the model. */
  readonly model: string
  /** True passes on what the endpoint calls it, where the answer names it. */
  readonly keepsModel: boolean
  /** Told in errors. */
  readonly requestId: string
  /** The request's stop sequences. */
  readonly stopSequences: readonly string[]
  /** False drops what the model thinks: the request has switched it off. */
  readonly showThinking: boolean
  /** Estimate, for the head of a stream, which is sent before the endpoint has counted. */
  readonly inputTokens: number
  readonly newCallId: () => string
}

/** Rough, for answers that nobody has counted: clients need a measure of how full their context is. */
const charactersPerToken = 4

const noDelta: JsonObject = {}

/**
 * Reads an OpenAI chat completion, whole or in chunks, and tells it as a message. It ends once: complete, or
 * failed. An answer that stops without saying why has failed.
 */
export class ChatReader {
  readonly #writer: MessageWriter
  readonly #expected: ExpectedAnswer
  readonly #blocks: BlockSequence
  #tags: ThinkTags | undefined = new ThinkTags()
  #hasStarted = false
  #finish: JsonObject | undefined
  #usage: MessageUsage | undefined
  #characters = 0
  #outcome: 'complete' | 'failed' | undefined

  constructor(writer: MessageWriter, expected: ExpectedAnswer) {
    this.#writer = writer
    this.#expected = expected
    this.#blocks = new BlockSequence(writer, expected.newCallId)
  }

  get outcome(): 'complete' | 'failed' | undefined {
    return this.#outcome
  }

  /** A chunk of a stream, or a whole completion. */
  push(value: unknown): void {
    if (this.#outcome !== undefined) return
    if (!isObject(value)) {
      this.fail({ type: 'api_error', message: 'The endpoint sent something that is no chat completion.' })
      return
    }
    const error = readUpstreamError(value)
    if (error !== undefined) {
      this.fail(error)
      return
    }
    this.#usage = readChatUsage(value.usage) ?? this.#usage
    this.#start(value)
    const choice = listField(value, 'choices').find((each) => isObject(each) && (each.index ?? 0) === 0)
    if (isObject(choice)) this.#choice(choice)
    if (this.#finish !== undefined && this.#usage !== undefined) this.#complete()
  }

  /** The endpoint has said that this is all: what has come is the answer, if anything has. */
  done(): void {
    if (this.#finish === undefined && this.#characters === 0) this.#incomplete()
    else this.#complete()
  }

  /** The bytes have ended; nobody has said that this is all, unless the last chunk did. */
  end(): void {
    if (this.#finish === undefined) this.#incomplete()
    else this.#complete()
  }

  fail(error: MessageError): void {
    if (this.#outcome !== undefined) return
    this.#outcome = 'failed'
    this.#writer.fail(error)
  }

  #incomplete(): void {
    this.fail({ type: 'api_error', message: 'The endpoint ended its answer before it was complete.' })
  }

  #start(value: JsonObject): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    const { messageId, model, keepsModel, inputTokens } = this.#expected
    const named = keepsModel ? textField(value, 'model') : undefined
    const guess = { inputTokens, cacheReadTokens: 0, cacheCreationTokens: 0, outputTokens: 0 }
    const usage = this.#usage === undefined ? guess : { ...this.#usage, outputTokens: 0 }
    this.#writer.start({ id: messageId, model: named || model, usage })
  }

  #choice(choice: JsonObject): void {
    if (this.#finish !== undefined) return
    this.#delta(objectField(choice, 'delta') ?? objectField(choice, 'message') ?? noDelta)
    const reason = textField(choice, 'finish_reason')
    if (reason === undefined || reason === '') return
    if (isBrokenFinish(reason)) {
      this.fail({ type: 'api_error', message: `The endpoint broke off its answer: ${reason}.` })
      return
    }
    this.#finish = choice
    this.#usage = readChatUsage(choice.usage) ?? this.#usage
    this.#flush()
  }

  #delta(delta: JsonObject): void {
    const reasoning = textField(delta, 'reasoning_content') ?? textField(delta, 'reasoning')
    if (reasoning !== undefined && reasoning !== '') {
      // This endpoint separates it by itself.
      this.#tags = undefined
      this.#thinking(reasoning)
    }
    const { content } = delta
    if (typeof content === 'string') this.#content(content)
    else for (const part of contentBlocks(content)) this.#part(part)
    this.#content(textField(delta, 'refusal') ?? '')
    const { tool_calls: calls } = delta
    if (Array.isArray(calls)) for (const call of calls) if (isObject(call)) this.#call(call)
  }

  #content(text: string): void {
    if (text === '') return
    this.#characters += text.length
    if (this.#tags === undefined) {
      this.#blocks.text('text', text)
      return
    }
    const split = this.#tags.push(text)
    this.#thinking(split.thinking)
    this.#blocks.text('text', split.text)
  }

  /** Mistral's servers send parts. */
  #part(part: JsonObject): void {
    if (part.type === 'thinking') {
      for (const each of contentBlocks(part.thinking)) this.#thinking(textField(each, 'text') ?? '')
    } else {
      this.#content(textField(part, 'text') ?? '')
    }
  }

  #thinking(text: string): void {
    this.#characters += text.length
    if (this.#expected.showThinking) this.#blocks.text('thinking', text)
  }

  #call(call: JsonObject): void {
    const { name, arguments: given } = objectField(call, 'function') ?? noDelta
    const id = textField(call, 'id') ?? ''
    const piece =
      typeof given === 'string' ? given : given === undefined || given === null ? '' : JSON.stringify(given)
    this.#characters += piece.length
    this.#blocks.call(this.#keyOf(call, id), id, typeof name === 'string' ? name : '', piece)
  }

  /** Some servers leave the index out: then the ID tells calls apart, and a piece without one continues the last. */
  #keyOf(call: JsonObject, id: string): CallKey {
    const index = numberField(call, 'index')
    if (index !== undefined) return index
    return id === '' ? (this.#blocks.lastKey ?? 0) : id
  }

  #flush(): void {
    const rest = this.#tags?.end()
    if (rest !== undefined) {
      this.#thinking(rest.thinking)
      this.#blocks.text('text', rest.text)
    }
    this.#blocks.finish()
  }

  #complete(): void {
    if (this.#outcome !== undefined) return
    this.#outcome = 'complete'
    if (this.#finish === undefined) this.#flush()
    const stop = readStop(this.#finish ?? noDelta, this.#blocks.hasToolUse, this.#expected.stopSequences)
    this.#writer.finish({ ...stop, usage: this.#usage ?? this.#estimate() })
  }

  #estimate(): MessageUsage {
    return {
      inputTokens: this.#expected.inputTokens,
      cacheReadTokens: 0,
      cacheCreationTokens: 0,
      outputTokens: Math.ceil(this.#characters / charactersPerToken),
    }
  }
}
