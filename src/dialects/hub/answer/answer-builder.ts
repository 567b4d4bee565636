import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import { CallIds } from '../calls/call-ids.ts'
import { isWholeName } from '../calls/tool-names.ts'
import type {
  AnswerFailure,
  AnswerHead,
  AnswerSink,
  StopReason,
  Timings,
  TokenLogprob,
  Usage,
} from '../contract/answer.ts'
import type { ThoughtMemory } from '../parts/open-thoughts.ts'
import { type ReasoningField, thinkingSignature } from '../parts/reasoning-signature.ts'
import type { AnswerReader } from './answer-reader.ts'
import { BlockSequence, type CallNaming } from './block-sequence.ts'
import { splitWhole, ThinkTags } from './think-tags.ts'
import { ToolCalls } from './tool-calls.ts'

/** What the gateway knows about an answer in advance. */
export interface Expected {
  /** The client's name for the model. */
  readonly model: string
  /** Whether to use the endpoint's name for the model, if the answer contains it. */
  readonly keepsModel: boolean
  /** The request's stop sequences. */
  readonly stopSequences: readonly string[]
  /** The request's limit of the answer, by which readers recognize a cut answer of servers that do not report it. */
  readonly maxTokens?: number | undefined
  /** Whether thinking is dropped. */
  readonly dropsThinking: boolean
  /** Whether the client's API has refusals of their own; in others they are text. Default false. */
  readonly hasRefusals?: boolean
  /** An estimate for the head of a stream, which is sent before the endpoint has counted. */
  readonly promptTokens: number
  readonly newCallId: () => string
  /** IDs of the calls in the request's history, which the answer must not reuse. */
  readonly callIds: readonly string[]
  /** Names of the tools as sent to the endpoint. */
  readonly toolNames: readonly string[]
  /** The client's names of tools whose names were changed for the endpoint. */
  readonly originalNames?: ReadonlyMap<string, string> | undefined
  /** The field in which the endpoint's backend type sends thinking. */
  readonly reasoningField: ReasoningField | 'none'
  /** Part of the signature of thinking that arrived in another field, so that it returns in the same one. */
  readonly endpointMark: string
  /** Receives the field in which thinking arrives. */
  readonly learnReasoningField?: ((field: ReasoningField) => void) | undefined
  /** What earlier answers have shown about the model's thoughts. */
  readonly thoughts?: ThoughtMemory | undefined
}

/** A rough ratio for answers without a count: clients need to know how full their context is. */
const charactersPerToken = 4

/**
 * Puts an answer together from what a reader finds, in whatever order an endpoint sends it, and passes it on as the
 * sequence that `AnswerSink` describes. It ends once, complete or failed. An answer that stops without a reason has
 * failed.
 */
export class AnswerBuilder {
  readonly expected: Expected
  readonly #sink: AnswerSink
  readonly #blocks: BlockSequence
  #calls: ToolCalls | undefined
  #tags: ThinkTags | undefined
  #hasStarted = false
  #stop: StopReason | undefined
  #stopSequence: string | null = null
  #usage: Usage | undefined
  #timings: Timings | undefined
  #serviceTier: string | undefined
  #characters = 0
  #hasReasoning = false
  #failure: AnswerFailure | undefined
  #outcome: 'complete' | 'failed' | undefined

  constructor(sink: AnswerSink, expected: Expected) {
    this.#sink = sink
    this.expected = expected
    this.#tags = new ThinkTags(!expected.dropsThinking && expected.thoughts?.isOpen === true)
    this.#blocks = new BlockSequence(sink, new ExpectedNames(expected))
  }

  /** Why the answer failed. */
  get failure(): AnswerFailure | undefined {
    return this.#failure
  }

  /** Whether any part of an answer has arrived. */
  get hasContent(): boolean {
    return this.#characters > 0 || this.#stop !== undefined
  }

  get outcome(): 'complete' | 'failed' | undefined {
    return this.#outcome
  }

  /** Whether a reason for the end has arrived; what follows it is only usage. */
  get hasStopped(): boolean {
    return this.#stop !== undefined
  }

  /** Whether it is too late for content: after the reason for the end, or after the end. */
  get #isClosed(): boolean {
    return this.#stop !== undefined || this.#outcome !== undefined
  }

  /** Writes the head once. @param model the endpoint's name for it */
  start(head: { readonly id?: string | undefined; readonly model?: string | undefined }): void {
    if (this.#hasStarted) return
    this.#hasStarted = true
    const { model, keepsModel, promptTokens } = this.expected
    const usage = this.#usage ?? { promptTokens, cachedTokens: 0, cacheWriteTokens: 0, completionTokens: 0 }
    const written: AnswerHead = {
      id: head.id,
      model: (keepsModel ? head.model : undefined) || model,
      usage: { ...usage, completionTokens: 0 },
    }
    this.#sink.start(written)
  }

  /** Adds text that may contain thinking between tags. */
  text(text: string, logprobs?: readonly TokenLogprob[]): void {
    if (text === '' || this.#isClosed) return
    this.#characters += text.length
    if (this.#tags === undefined) this.#blocks.text('text', text, logprobs)
    else {
      const split = this.#tags.push(text)
      this.#thinking(split.thinking)
      this.#blocks.text('text', split.text, split.thinking === '' ? logprobs : undefined)
    }
    this.#checkLimits()
  }

  /** Adds a whole text, which shows where thinking ends, even if the opening tag was in the prompt. */
  wholeText(text: string, logprobs?: readonly TokenLogprob[]): void {
    if (this.#isClosed) return
    const split = this.#tags === undefined ? undefined : splitWhole(text)
    if (split === undefined) {
      this.#tags?.disableGuess()
      this.text(text, logprobs)
      return
    }
    this.expected.thoughts?.learn(true)
    this.#characters += split.thinking.length
    this.#thinking(split.thinking)
    this.#tags = undefined
    this.text(split.text)
  }

  /**
   * Adds thinking that the endpoint separates from text itself.
   * @param field in which it arrives; undefined if the API has only one way
   */
  thinking(text: string, field?: ReasoningField): void {
    if (text === '' || this.#isClosed) return
    if (!this.#hasReasoning) this.#learnReasoning(field)
    this.#characters += text.length
    this.#thinking(text)
  }

  /** Signature of the thinking, as the endpoint's API has it. */
  sign(signature: string): void {
    if (signature !== '') this.#sink.sign(signature)
  }

  refusal(text: string): void {
    if (this.expected.hasRefusals !== true) {
      this.text(text)
      return
    }
    if (text === '' || this.#isClosed) return
    this.#characters += text.length
    this.#flushTags()
    this.#blocks.text('refusal', text)
    this.#checkLimits()
  }

  /** Adds a delta of a call in OpenAI's form; see `ToolCalls` for how deltas are assigned to calls. */
  callDelta(call: Readonly<Record<string, unknown>>): void {
    if (this.#isClosed) return
    this.#characters += this.#toolCalls.pushDelta(call)
    this.#checkLimits()
  }

  /** Adds a whole call in OpenAI's form. */
  wholeCall(call: Readonly<Record<string, unknown>>): void {
    if (this.#isClosed) return
    this.#characters += this.#toolCalls.pushWhole(call)
    this.#checkLimits()
  }

  get #toolCalls(): ToolCalls {
    this.#calls ??= new ToolCalls(this.#blocks, this.expected.toolNames)
    return this.#calls
  }

  usage(usage: Usage | undefined): void {
    if (usage !== undefined) this.#usage = usage
  }

  timings(timings: Timings): void {
    this.#timings = timings
  }

  /** Notes how the endpoint says that it has handled the request. */
  serviceTier(tier: string): void {
    this.#serviceTier = tier
  }

  /**
   * Notes why the answer ends, and closes its blocks. Usage may still follow.
   * @param reason `end` becomes `calls` if the answer has calls, because some servers report `stop` for them
   */
  stop(reason: StopReason, stopSequence: string | null = null): void {
    if (this.#stop !== undefined || this.#outcome !== undefined) return
    this.#stop = reason
    this.#stopSequence = stopSequence
    this.#flush()
  }

  /** Ends the answer if its end and its usage have arrived. */
  completeIfWhole(): void {
    if (this.#stop !== undefined && this.#usage !== undefined) this.#complete()
  }

  /** The endpoint has announced the end: what has arrived is the answer, if there is any. */
  done(): void {
    if (this.#stop === undefined && this.#characters === 0) this.#incomplete()
    else this.#complete()
  }

  /** The bytes have ended. Only the last event may have announced it. */
  end(): void {
    if (this.#stop === undefined) this.#incomplete()
    else this.#complete()
  }

  fail(failure: AnswerFailure): void {
    if (this.#outcome !== undefined) return
    this.#outcome = 'failed'
    this.#failure = failure
    this.#sink.fail(failure)
  }

  #incomplete(): void {
    this.fail(brokenAnswer('The endpoint ended its answer before it was complete.'))
  }

  #checkLimits(): void {
    if (this.#calls?.isOverLimit === true) this.fail(brokenAnswer('The endpoint sent too many tool calls.'))
    else if (this.#blocks.isOverLimit) this.fail(brokenAnswer('The endpoint sent too much at once.'))
  }

  /** Records that this endpoint separates thinking from text itself. */
  #learnReasoning(field: ReasoningField | undefined): void {
    this.#hasReasoning = true
    this.#tags = undefined
    if (field === undefined) return
    const { reasoningField, endpointMark, learnReasoningField } = this.expected
    learnReasoningField?.(field)
    if (field !== reasoningField) this.#sink.sign(thinkingSignature(field, endpointMark))
  }

  #thinking(text: string): void {
    if (!this.expected.dropsThinking) this.#blocks.text('thinking', text)
  }

  #flushTags(): void {
    const rest = this.#tags?.end()
    if (rest === undefined) return
    this.#thinking(rest.thinking)
    this.#blocks.text('text', rest.text)
  }

  #flush(): void {
    this.#flushTags()
    if (this.#tags !== undefined) this.#learnThoughts(this.#tags)
    this.#blocks.finish()
  }

  /** After a wrong guess the client has received the answer as thinking, so it gets it as text as well. */
  #learnThoughts({ hasLoneClosing, wrongGuess }: ThinkTags): void {
    const { thoughts } = this.expected
    if (hasLoneClosing) thoughts?.learn(true)
    // The output limit may cut a thought off before its end.
    if (wrongGuess === '' || this.#stop === 'length') return
    thoughts?.learn(false)
    if (!this.#blocks.hasCalls) this.#blocks.text('text', wrongGuess)
  }

  #complete(): void {
    if (this.#outcome !== undefined) return
    try {
      this.#writeEnding()
    } catch (error) {
      this.#failedBy(error)
    }
  }

  #writeEnding(): void {
    this.#outcome = 'complete'
    if (this.#stop === undefined) this.#flush()
    const { hasCalls, hasPartialCall } = this.#blocks
    const stop = this.#stop ?? 'end'
    const reason = hasCalls && (stop === 'end' || stop === 'stop_sequence') ? 'calls' : stop
    // A call that was cut off: agents do not run the calls of such an answer.
    const isCutOff = reason === 'calls' && hasPartialCall
    this.#sink.finish({
      reason: isCutOff ? 'length' : reason,
      stopSequence: reason === 'stop_sequence' ? this.#stopSequence : null,
      usage: this.#usage ?? this.#estimate(),
      timings: this.#timings,
      ...(this.#serviceTier === undefined ? {} : { serviceTier: this.#serviceTier }),
    })
  }

  /** Reads one value. Values that are nested too deeply can be parsed but not serialized. */
  read(reader: AnswerReader, value: JsonObject, name: string, isWhole: boolean): void {
    try {
      reader.push(value, name, isWhole)
    } catch (error) {
      this.#failedBy(error)
    }
  }

  #failedBy(error: unknown): void {
    if (!(error instanceof RangeError)) throw error
    this.#outcome = undefined
    this.fail(brokenAnswer('The endpoint sent something that is nested too deeply or too long.'))
  }

  #estimate(): Usage {
    return {
      promptTokens: this.expected.promptTokens,
      cachedTokens: 0,
      cacheWriteTokens: 0,
      completionTokens: Math.ceil(this.#characters / charactersPerToken),
    }
  }
}

/** Names the calls of an answer as the client knows them. */
class ExpectedNames implements CallNaming {
  readonly #expected: Expected
  #ids: CallIds | undefined

  constructor(expected: Expected) {
    this.#expected = expected
  }

  id(sentId: string): string {
    this.#ids ??= new CallIds(this.#expected.callIds, this.#expected.newCallId)
    return this.#ids.next(sentId)
  }

  name(sentName: string): string {
    return this.#expected.originalNames?.get(sentName) ?? sentName
  }

  isWhole(name: string): boolean {
    return isWholeName(name, this.#expected.toolNames)
  }
}

/** A failure of the endpoint that it did not report itself. */
export function brokenAnswer(message: string): AnswerFailure {
  return { statusCode: 502, message }
}
