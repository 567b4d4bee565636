import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
  TokenLogprob,
} from '../../hub/contract/answer.ts'
import { customInput } from '../../hub/parts/custom-input.ts'
import { failureBody } from '../failure-error.ts'
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
  /** Input of a custom tool so far; undefined in other calls. */
  #input: string | undefined
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
    this.#input = isCustom ? '' : undefined
    const made = isCustom
      ? `"type":"custom","custom":{"name":${name},"input":""}`
      : `"type":"function","function":{"name":${name},"arguments":""}`
    this.#delta(`{"tool_calls":[{"index":${index},"id":${JSON.stringify(block.id)},${made}}]}`)
  }

  append(_index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    // Called for every token, so it only builds strings.
    if (kind === 'call') this.#appendCall(text)
    else if (logprobs === undefined || !this.#call.hasLogprobs) {
      if (kind === 'thinking') this.#thinking += text
      this.#pending += `${this.#before}{"index":0,"delta":{"${fields[kind]}":${JSON.stringify(text)}}${this.#after}`
    } else this.#appendWithLogprobs(kind, text, logprobs)
  }

  close(index: number, kind: BlockKind): void {
    if (kind === 'thinking') this.#closeThinking(index)
    else if (this.#input !== undefined) {
      const input = JSON.stringify(customInput(this.#input))
      this.#input = undefined
      this.#delta(`{"tool_calls":[{"index":${this.#callIndex},"custom":{"input":${input}}}]}`)
    }
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

  #appendCall(text: string): void {
    if (this.#input !== undefined) this.#input += text
    else if (!this.#call.usesFunctions)
      this.#delta(
        `{"tool_calls":[{"index":${this.#callIndex},"function":{"arguments":${JSON.stringify(text)}}}]}`,
      )
    else if (this.#callIndex === 0) this.#delta(`{"function_call":{"arguments":${JSON.stringify(text)}}}`)
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
    if (this.#signature === '') return
    const details = [signedThinking(text, this.#signature, index)]
    this.#delta(`{"reasoning_details":${JSON.stringify(details)}}`)
  }
}
