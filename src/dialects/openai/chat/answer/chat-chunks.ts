import { CustomInput } from '../../../hub/calls/custom-input-stream.ts'
import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
  TokenLogprob,
} from '../../../hub/contract/answer.ts'
import { PairedText } from '../../../hub/parts/paired-text.ts'
import { failureBody } from '../../errors/failure-error.ts'
import { type ChatCall, chatUsage, completionId, finishReason, signedThinking } from './chat-shape.ts'

const fields: Readonly<Record<Exclude<BlockKind, 'call'>, string>> = {
  text: 'content',
  refusal: 'refusal',
  // Not part of OpenAI's API; inference servers and their clients use this name.
  thinking: 'reasoning_content',
}

/** Writes a chat completion as OpenAI's stream of chunks. */
export class ChatChunks implements AnswerWriter {
  readonly #call: ChatCall
  #pending = ''
  /** Text around the delta of a chunk, the same in every chunk. */
  #before = ''
  #after = ''
  #end = ''
  #callIndex = -1
  /** Of the open block, so that no chunk ends inside a character. */
  #pairs = new PairedText()
  /** Reads the input of a custom tool from its arguments; undefined in other calls. */
  #input: CustomInput | undefined
  /** Arguments of the custom tool so far. */
  #args = ''
  #thinking = ''
  #signature = ''
  #hasContent = false

  constructor(call: ChatCall) {
    this.#call = call
  }

  /** Returns the chunks since the last call. */
  take(): string {
    const text = this.#pending
    this.#pending = ''
    return text
  }

  start({ id, model }: AnswerHead): void {
    const { created, hasUsage, newId } = this.#call
    const ownId = completionId('chatcmpl', id, newId)
    this.#before = `data: {"id":${JSON.stringify(ownId)},"object":"chat.completion.chunk","created":${created},"model":${JSON.stringify(model)},"choices":[`
    // With `include_usage` every chunk has the field, null before the last one.
    this.#end = hasUsage ? '],"usage":null}\n\n' : ']}\n\n'
    this.#after = `,"logprobs":null,"finish_reason":null}${this.#end}`
    this.#delta('{"role":"assistant","content":null,"refusal":null}')
  }

  open(_index: number, block: BlockHead): void {
    if (block.kind !== 'thinking') this.#hasContent = true
    if (block.kind !== 'call') return
    const index = ++this.#callIndex
    const { customTools, usesFunctions } = this.#call
    const name = JSON.stringify(block.name)
    if (usesFunctions) {
      if (index === 0) this.#delta(`{"function_call":{"name":${name},"arguments":""}}`)
      return
    }
    const isCustom = customTools.has(block.name)
    this.#input = isCustom ? new CustomInput() : undefined
    const made = isCustom
      ? `"type":"custom","custom":{"name":${name},"input":""}`
      : `"type":"function","function":{"name":${name},"arguments":""}`
    this.#delta(`{"tool_calls":[{"index":${index},"id":${JSON.stringify(block.id)},${made}}]}`)
  }

  append(_index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    // Called for every token, so it only builds strings.
    if (kind === 'call') this.#appendCall(text)
    else if (kind === 'thinking' && this.#call.hidesThinking) return
    else if (logprobs === undefined || !this.#call.hasLogprobs) this.#appendText(kind, this.#pairs.push(text))
    else this.#appendWithLogprobs(kind, this.#pairs.push(text), logprobs)
  }

  close(index: number, kind: BlockKind): void {
    if (kind === 'call') {
      this.#appendPart(
        (this.#input === undefined ? '' : this.#pairs.push(this.#input.end(this.#args))) + this.#pairs.end(),
      )
      this.#input = undefined
      this.#args = ''
    } else this.#appendText(kind, this.#pairs.end())
    this.#pairs = new PairedText()
    if (kind === 'thinking') this.#closeThinking(index)
  }

  sign(signature: string): void {
    this.#signature = signature
  }

  finish(ending: AnswerEnding): void {
    if (!this.#hasContent) this.#delta('{"content":""}')
    const { usesFunctions, hasUsage } = this.#call
    const reason = finishReason(ending, usesFunctions)
    this.#pending += `${this.#before}{"index":0,"delta":{},"logprobs":null,"finish_reason":"${reason}"}${this.#end}`
    if (hasUsage) this.#pending += `${this.#before}],"usage":${JSON.stringify(chatUsage(ending.usage))}}\n\n`
    this.#pending += 'data: [DONE]\n\n'
  }

  /** Without `[DONE]`: a client that ignores the error must not take the answer for a complete one. */
  fail(failure: AnswerFailure): void {
    this.#pending += `data: ${failureBody(failure, this.#call.requestId)}\n\n`
  }

  #delta(delta: string): void {
    this.#pending += `${this.#before}{"index":0,"delta":${delta}${this.#after}`
  }

  #appendText(kind: 'text' | 'refusal' | 'thinking', text: string): void {
    if (text === '') return
    if (kind === 'thinking') this.#thinking += text
    this.#pending += `${this.#before}{"index":0,"delta":{"${fields[kind]}":${JSON.stringify(text)}}${this.#after}`
  }

  #appendCall(text: string): void {
    if (this.#input === undefined) this.#appendPart(this.#pairs.push(text))
    else {
      this.#args += text
      this.#appendPart(this.#pairs.push(this.#input.push(text)))
    }
  }

  /** Part of the arguments of a function, or of the input of a custom tool. */
  #appendPart(text: string): void {
    if (text === '') return
    const part = JSON.stringify(text)
    const index = this.#callIndex
    if (this.#call.usesFunctions) {
      if (index === 0) this.#delta(`{"function_call":{"arguments":${part}}}`)
    } else {
      const made =
        this.#input === undefined ? `"function":{"arguments":${part}}` : `"custom":{"input":${part}}`
      this.#delta(`{"tool_calls":[{"index":${index},${made}}]}`)
    }
  }

  #appendWithLogprobs(
    kind: 'text' | 'refusal' | 'thinking',
    text: string,
    logprobs: readonly TokenLogprob[],
  ): void {
    const list = JSON.stringify(logprobs)
    const written =
      kind === 'refusal' ? `{"content":null,"refusal":${list}}` : `{"content":${list},"refusal":null}`
    this.#pending += `${this.#before}{"index":0,"delta":{"${fields[kind]}":${JSON.stringify(text)}},"logprobs":${written},"finish_reason":null}${this.#end}`
  }

  /** Signed thinking returns to its endpoint only whole; see `signedThinking`. */
  #closeThinking(index: number): void {
    const text = this.#thinking
    this.#thinking = ''
    if (this.#signature === '' || this.#call.hidesThinking) return
    const details = [signedThinking(text, this.#signature, index)]
    this.#delta(`{"reasoning_details":${JSON.stringify(details)}}`)
  }
}
