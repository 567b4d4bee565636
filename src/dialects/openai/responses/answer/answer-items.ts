import {
  isObject,
  type JsonObject,
  listField,
  numberField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import type { AnswerBuilder } from '../../../hub/answer/answer-builder.ts'
import { customArguments } from '../../../hub/calls/custom-input.ts'
import type { TokenLogprob } from '../../../hub/contract/answer.ts'
import { markedSignature } from '../../../hub/parts/reasoning-signature.ts'
import { tokenLogprobs } from '../../chat/answer/read-answer.ts'
import { itemKind, type ReceivedItem, ReceivedItems } from './received-items.ts'

/**
 * Reads the items of a response. Their content arrives in deltas, and again in events that repeat it whole, which count
 * only if no delta has arrived.
 */
export class AnswerItems {
  readonly #builder: AnswerBuilder
  readonly #items = new ReceivedItems()
  #hasText = false
  #hasThinking = false

  constructor(builder: AnswerBuilder) {
    this.#builder = builder
  }

  /** Whether the answer has more items than a client could use. */
  get isOverLimit(): boolean {
    return this.#items.isOverLimit
  }

  /** Text or a refusal. */
  text(event: JsonObject, isRefusal: boolean, text: string, isDelta: boolean): void {
    const item = this.#items.find(event, 'message') ?? this.#items.add(event, 'message')
    const part = numberField(event, 'content_index') ?? Math.max(item.part, 0)
    if (!isDelta && part <= item.part) return
    this.#append(item, part, isRefusal, text, isRefusal ? undefined : logprobsOf(event))
  }

  thinking(event: JsonObject, source: 'text' | 'summary', text: string, isDelta: boolean): void {
    const item = this.#items.find(event, 'reasoning') ?? this.#items.add(event, 'reasoning')
    const field = source === 'summary' ? 'summary_index' : 'content_index'
    this.#think(item, numberField(event, field) ?? Math.max(item.part, 0), source, text, isDelta)
  }

  /** Part of a function's arguments. Those of an unknown call arrive again with its name. */
  callArguments(event: JsonObject, text: string): void {
    const item = this.#items.find(event, 'call')
    if (item === undefined || item.isEnded || text === '') return
    item.part = 0
    this.#callDelta(item, text)
  }

  /** Part of a custom tool's input, which becomes the one argument `input`. */
  customInput(event: JsonObject, text: string): void {
    const item = this.#items.find(event, 'custom')
    if (item === undefined || item.isEnded || text === '') return
    const escaped = JSON.stringify(text).slice(1, -1)
    this.#callDelta(item, item.part < 0 ? `{"input":"${escaped}` : escaped)
    item.part = 0
  }

  /** All arguments or the whole input of a call. */
  wholeArguments(event: JsonObject, kind: 'call' | 'custom', text: string | undefined): void {
    const item = this.#items.find(event, kind)
    if (item !== undefined && text !== undefined) this.#endCall(item, text)
  }

  begin(event: JsonObject): void {
    const given = objectField(event, 'item')
    const kind = itemKind(given?.type)
    if (given === undefined || kind === undefined) return
    const id = textField(given, 'id') ?? ''
    if (this.#items.begun(event, kind, id) !== undefined) return
    this.#add(event, given, kind, id)
  }

  end(event: JsonObject): void {
    const given = objectField(event, 'item')
    const kind = itemKind(given?.type)
    if (given === undefined || kind === undefined) return
    const id = textField(given, 'id') ?? ''
    this.#whole(this.#items.find(event, kind, id) ?? this.#add(event, given, kind, id), given, false)
  }

  /**
   * Reads the items of a whole response. Their IDs may differ from those in the events before, so they only add what has
   * not arrived at all.
   * @param isWhole whether there were no events
   */
  rest(output: readonly unknown[], isWhole: boolean): void {
    const { hasCalls } = this.#items
    const skipsText = this.#hasText
    const skipsThinking = this.#hasThinking
    let isFirst = isWhole
    for (const given of output) {
      const kind = isObject(given) ? itemKind(given.type) : undefined
      if (!isObject(given) || kind === undefined) continue
      const isCall = kind === 'call' || kind === 'custom'
      const known = isCall && !isWhole ? this.#knownCall(given) : undefined
      if (known !== undefined) this.#whole(known, given, false)
      if (
        known !== undefined ||
        (kind === 'message' ? skipsText : kind === 'reasoning' ? skipsThinking : hasCalls)
      )
        continue
      this.#whole(this.#add(given, given, kind, ''), given, isFirst && kind === 'message')
      if (kind === 'message') isFirst = false
      if (this.#builder.outcome !== undefined || this.isOverLimit) return
    }
  }

  #knownCall(given: JsonObject): ReceivedItem | undefined {
    return (
      this.#items.withId(textField(given, 'id') ?? '') ??
      this.#items.withId(textField(given, 'call_id') ?? '')
    )
  }

  #add(event: JsonObject, given: JsonObject, kind: ReceivedItem['kind'], id: string): ReceivedItem {
    const callId = textField(given, 'call_id') ?? ''
    const item = this.#items.add(event, kind, id, callId)
    if (kind === 'call' || kind === 'custom') {
      const name = textField(given, 'name') ?? ''
      this.#builder.callDelta({ index: item.index, id: callId === '' ? id : callId, function: { name } })
    }
    return item
  }

  #whole(item: ReceivedItem, given: JsonObject, isFirstText: boolean): void {
    if (item.kind === 'message') this.#message(item, given, isFirstText)
    else if (item.kind === 'reasoning') this.#reasoning(item, given)
    else this.#endCall(item, argumentsOf(given, item.kind))
    item.isEnded = true
  }

  #message(item: ReceivedItem, { content }: JsonObject, isFirstText: boolean): void {
    const parts = typeof content === 'string' ? [{ type: 'output_text', text: content }] : content
    if (!Array.isArray(parts)) return
    for (const [index, part] of parts.entries()) {
      if (!isObject(part) || index <= item.part) continue
      const isRefusal = part.type === 'refusal'
      const text = textField(part, isRefusal ? 'refusal' : 'text') ?? ''
      if (isFirstText && !isRefusal && !this.#hasText) this.#firstText(item, index, text, logprobsOf(part))
      else this.#append(item, index, isRefusal, text, isRefusal ? undefined : logprobsOf(part))
    }
  }

  #firstText(
    item: ReceivedItem,
    part: number,
    text: string,
    logprobs: readonly TokenLogprob[] | undefined,
  ): void {
    item.part = part
    this.#hasText = true
    this.#builder.wholeText(text, logprobs)
  }

  #append(
    item: ReceivedItem,
    part: number,
    isRefusal: boolean,
    text: string,
    logprobs: readonly TokenLogprob[] | undefined,
  ): void {
    if (text === '') return
    item.part = Math.max(item.part, part)
    this.#hasText = true
    if (isRefusal) this.#builder.refusal(text)
    else this.#builder.text(text, logprobs)
  }

  /** Prefers the reasoning itself to its summary. */
  #reasoning(item: ReceivedItem, given: JsonObject): void {
    const content = listField(given, 'content')
    const source = item.source ?? (content.length > 0 ? 'text' : 'summary')
    const parts = source === 'text' ? content : listField(given, 'summary')
    for (const [index, part] of parts.entries())
      if (isObject(part)) this.#think(item, index, source, textField(part, 'text') ?? '', false)
    const { endpointMark } = this.#builder.expected
    const encrypted = textField(given, 'encrypted_content') ?? ''
    this.#builder.sign(markedSignature('responses', endpointMark, encrypted))
  }

  #think(item: ReceivedItem, part: number, source: 'text' | 'summary', text: string, isDelta: boolean): void {
    const isOther = item.source !== undefined && item.source !== source
    if (isOther || text === '' || (!isDelta && part <= item.part)) return
    const isNext = item.part >= 0 && part > item.part
    item.part = Math.max(item.part, part)
    item.source = source
    this.#hasThinking = true
    this.#builder.thinking(isNext ? `\n\n${text}` : text)
  }

  /** Ends a call, so that what follows it need not wait for the end of the answer. */
  #endCall(item: ReceivedItem, text: string): void {
    if (item.isEnded) return
    item.isEnded = true
    if (item.kind === 'custom') this.#callDelta(item, item.part < 0 ? customArguments(text) : '"}')
    else if (item.part < 0) this.#callDelta(item, text === '' ? '{}' : text)
    item.part = 0
  }

  #callDelta(item: ReceivedItem, text: string): void {
    this.#builder.callDelta({ index: item.index, function: { arguments: text } })
  }
}

function argumentsOf(given: JsonObject, kind: 'call' | 'custom'): string {
  const value = kind === 'custom' ? given.input : given.arguments
  if (typeof value === 'string') return value
  return isObject(value) ? JSON.stringify(value) : ''
}

/** `logprobs` of a text, in the form of a chat completion. */
function logprobsOf(value: JsonObject): readonly TokenLogprob[] | undefined {
  const { logprobs } = value
  if (!Array.isArray(logprobs) || logprobs.length === 0) return undefined
  return tokenLogprobs({ content: logprobs })?.map((each) => ({
    ...each,
    top_logprobs: each.top_logprobs.map((other) => ({ bytes: null, ...other })),
  }))
}
