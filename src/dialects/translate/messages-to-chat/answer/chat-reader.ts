import type { ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import type { RequestSize } from '../../../anthropic/context-sentence.ts'
import { readUpstreamError, type UpstreamError } from '../errors/upstream-error.ts'
import { contentBlocks } from '../shared/blocks.ts'
import { CallIds } from '../shared/call-ids.ts'
import type { MessageUsage, MessageWriter } from '../shared/message-shape.ts'
import type { ThoughtMemory } from '../shared/open-thoughts.ts'
import { type ReasoningField, thinkingSignature } from '../shared/reasoning-signature.ts'
import { isWholeName } from '../shared/tool-names.ts'
import { BlockSequence } from './block-sequence.ts'
import { readChatUsage } from './chat-usage.ts'
import { isBrokenFinish, readStop } from './stop-reason.ts'
import { splitWhole, ThinkTags } from './think-tags.ts'
import { ToolCalls } from './tool-calls.ts'

/** What the gateway knows about an answer in advance. */
export interface ExpectedAnswer extends RequestSize {
  /** `msg_…` */
  readonly messageId: string
  /** The client's name for the model. */
  readonly model: string
  /** Whether to use the endpoint's name for the model, if the answer contains it. */
  readonly keepsModel: boolean
  /** For errors. */
  readonly requestId: string
  /** The request's stop sequences. */
  readonly stopSequences: readonly string[]
  /** Whether the request enables thinking, leaves it to the model, or drops what arrives. */
  readonly thinking: 'requested' | 'default' | 'off'
  /** An estimate for the head of a stream, which is sent before the endpoint has counted. */
  readonly promptTokens: number
  readonly newCallId: () => string
  /** IDs of the calls in the request's history, which the answer must not reuse. */
  readonly callIds: readonly string[]
  /** Names of the tools as sent to the endpoint. */
  readonly toolNames: readonly string[]
  /** The client's names of tools whose names were shortened for the endpoint. */
  readonly originalNames: ReadonlyMap<string, string> | undefined
  /** The field in which the endpoint's backend type reads thinking. */
  readonly reasoningField: ChatTraits['reasoningField']
  /** Part of the signature of thinking that arrived in another field, so that it returns in the same one. */
  readonly endpointMark: string
  /** Records the field in which thinking arrives, by the endpoint's slot. */
  readonly reasoningFields?: Map<number, ReasoningField> | undefined
  readonly slot?: number
  /** What earlier answers have shown about the model's thoughts. */
  readonly thoughts?: ThoughtMemory | undefined
}

/** A rough ratio for answers without a count: clients need to know how full their context is. */
const charactersPerToken = 4

const noDelta: JsonObject = {}

/**
 * Reads an OpenAI chat completion, whole or in chunks, and writes it as a message. It ends once, complete or failed. An
 * answer that stops without a finish reason has failed.
 */
export class ChatReader {
  readonly #writer: MessageWriter
  readonly #expected: ExpectedAnswer
  readonly #blocks: BlockSequence
  readonly #calls: ToolCalls
  #tags: ThinkTags | undefined
  #hasStarted = false
  #finish: JsonObject | undefined
  #usage: MessageUsage | undefined
  #characters = 0
  #hasReasoning = false
  #failure: UpstreamError | undefined
  #outcome: 'complete' | 'failed' | undefined

  constructor(writer: MessageWriter, expected: ExpectedAnswer) {
    this.#writer = writer
    this.#expected = expected
    this.#tags = new ThinkTags(expected.thinking !== 'off' && expected.thoughts?.isOpen === true)
    const ids = new CallIds(expected.callIds, expected.newCallId)
    this.#blocks = new BlockSequence(writer, {
      id: (sentId) => ids.next(sentId),
      name: (sentName) => expected.originalNames?.get(sentName) ?? sentName,
      isWhole: (name) => isWholeName(name, expected.toolNames),
    })
    this.#calls = new ToolCalls(this.#blocks, expected.toolNames)
  }

  /** Why the answer failed. */
  get failure(): UpstreamError | undefined {
    return this.#failure
  }

  /** Whether any part of an answer has arrived. */
  get hasContent(): boolean {
    return this.#characters > 0 || this.#finish !== undefined
  }

  get outcome(): 'complete' | 'failed' | undefined {
    return this.#outcome
  }

  /** Reads a chunk of a stream, or a whole completion. */
  push(value: unknown): void {
    if (this.#outcome !== undefined) return
    try {
      this.#read(value)
    } catch (error) {
      this.#failIfTooDeep(error)
    }
  }

  #read(value: unknown): void {
    if (!isObject(value)) {
      this.fail(brokenAnswer('The endpoint sent something that is not a chat completion.'))
      return
    }
    const error = readUpstreamError(value, this.#expected)
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

  /** The endpoint has announced the end: what has arrived is the answer, if there is any. */
  done(): void {
    if (this.#finish === undefined && this.#characters === 0) this.#incomplete()
    else this.#complete()
  }

  /** The bytes have ended. Only the last chunk may have announced it. */
  end(): void {
    if (this.#finish === undefined) this.#incomplete()
    else this.#complete()
  }

  fail(error: UpstreamError): void {
    if (this.#outcome !== undefined) return
    this.#outcome = 'failed'
    this.#failure = error
    this.#writer.fail({ type: error.type, message: error.message })
  }

  #incomplete(): void {
    this.fail(brokenAnswer('The endpoint ended its answer before it was complete.'))
  }

  #start(value: JsonObject): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    const { messageId, model, keepsModel, promptTokens: inputTokens } = this.#expected
    const named = keepsModel ? textField(value, 'model') : undefined
    const guess = { inputTokens, cacheReadTokens: 0, cacheCreationTokens: 0, outputTokens: 0 }
    const usage = this.#usage === undefined ? guess : { ...this.#usage, outputTokens: 0 }
    this.#writer.start({ id: messageId, model: named || model, usage })
  }

  #choice(choice: JsonObject): void {
    if (this.#finish !== undefined) return
    const delta = objectField(choice, 'delta')
    if (delta !== undefined) this.#delta(delta, false)
    else this.#delta(objectField(choice, 'message') ?? noDelta, true)
    // Completions have no message.
    if (typeof choice.text === 'string') this.#content(choice.text)
    if (this.#outcome !== undefined) return
    const reason = textField(choice, 'finish_reason')
    if (reason === undefined || reason === '') return
    if (isBrokenFinish(reason)) {
      this.fail(brokenAnswer(`The endpoint broke off its answer: ${reason}.`))
      return
    }
    this.#finish = choice
    this.#usage = readChatUsage(choice.usage) ?? this.#usage
    this.#flush()
  }

  #delta(delta: JsonObject, isWhole: boolean): void {
    const reasoning = textField(delta, 'reasoning_content') || textField(delta, 'reasoning')
    if (reasoning !== undefined && reasoning !== '') {
      if (!this.#hasReasoning) this.#learnReasoning(delta)
      this.#thinking(reasoning)
    }
    const { content } = delta
    if (typeof content === 'string') this.#text(content, isWhole)
    else for (const part of contentBlocks(content)) this.#part(part)
    this.#content(textField(delta, 'refusal') ?? '')
    const { tool_calls: calls, function_call: call } = delta
    if (Array.isArray(calls)) {
      for (const each of calls) {
        if (isObject(each))
          this.#characters += isWhole ? this.#calls.pushWhole(each) : this.#calls.pushDelta(each)
        if (this.#calls.isOverLimit) break
      }
    } else if (isObject(calls)) this.#characters += this.#calls.pushDelta(calls)
    else if (isObject(call)) this.#characters += this.#calls.pushDelta(call)
    if (this.#calls.isOverLimit) this.fail(brokenAnswer('The endpoint sent too many tool calls.'))
    else if (this.#blocks.isOverLimit) this.fail(brokenAnswer('The endpoint sent too much at once.'))
  }

  /** Records that this endpoint separates thinking from text itself. */
  #learnReasoning(delta: JsonObject): void {
    this.#hasReasoning = true
    this.#tags = undefined
    const field = textField(delta, 'reasoning_content') ? 'reasoning_content' : 'reasoning'
    const { reasoningField, endpointMark, reasoningFields, slot } = this.#expected
    if (slot !== undefined) reasoningFields?.set(slot, field)
    if (field !== reasoningField) this.#writer.sign(thinkingSignature(field, endpointMark))
  }

  /** A whole text shows where thinking ends, even if the opening tag was in the prompt. */
  #text(content: string, isWhole: boolean): void {
    const split = isWhole && this.#tags !== undefined ? splitWhole(content) : undefined
    if (split === undefined) {
      if (isWhole) this.#tags?.disableGuess()
      this.#content(content)
      return
    }
    this.#expected.thoughts?.learn(true)
    this.#thinking(split.thinking)
    this.#tags = undefined
    this.#content(split.text)
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
    if (this.#expected.thinking !== 'off') this.#blocks.text('thinking', text)
  }

  #flush(): void {
    const rest = this.#tags?.end()
    if (rest !== undefined) {
      this.#thinking(rest.thinking)
      this.#blocks.text('text', rest.text)
    }
    if (this.#tags !== undefined) this.#learnThoughts(this.#tags)
    this.#blocks.finish()
  }

  /** After a wrong guess the client has received the answer as thinking, so it gets it as text as well. */
  #learnThoughts({ hasLoneClosing, wrongGuess }: ThinkTags): void {
    const { thoughts } = this.#expected
    if (hasLoneClosing) thoughts?.learn(true)
    // The output limit may cut a thought off before its end.
    if (wrongGuess === '' || textField(this.#finish ?? noDelta, 'finish_reason') === 'length') return
    thoughts?.learn(false)
    if (!this.#blocks.hasToolUse) this.#blocks.text('text', wrongGuess)
  }

  #complete(): void {
    if (this.#outcome !== undefined) return
    try {
      this.#writeEnding()
    } catch (error) {
      this.#failIfTooDeep(error)
    }
  }

  #writeEnding(): void {
    this.#outcome = 'complete'
    if (this.#finish === undefined) this.#flush()
    const reported = readStop(this.#finish ?? noDelta, this.#blocks.hasToolUse, this.#expected.stopSequences)
    // As Anthropic reports a call that was cut off: agents do not run the calls of such a message.
    const isCutOff = reported.stopReason === 'tool_use' && this.#blocks.hasPartialCall
    const stop = isCutOff ? { stopReason: 'max_tokens' as const, stopSequence: null } : reported
    this.#writer.finish({ ...stop, usage: this.#usage ?? this.#estimate() })
  }

  /** Values that are nested too deeply can be parsed but not serialized. */
  #failIfTooDeep(error: unknown): void {
    if (!(error instanceof RangeError)) throw error
    this.#outcome = undefined
    this.fail(brokenAnswer('The endpoint sent something that is nested too deeply or too long.'))
  }

  #estimate(): MessageUsage {
    return {
      inputTokens: this.#expected.promptTokens,
      cacheReadTokens: 0,
      cacheCreationTokens: 0,
      outputTokens: Math.ceil(this.#characters / charactersPerToken),
    }
  }
}

function brokenAnswer(message: string): UpstreamError {
  return { statusCode: 502, type: 'api_error', message }
}
