import { customInput } from '../../../hub/calls/custom-input.ts'
import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
  TokenLogprob,
} from '../../../hub/contract/answer.ts'
import { failureBody } from '../../errors/failure-error.ts'
import { type ChatCall, chatUsage, completionId, finishReason, signedThinking } from './chat-shape.ts'

interface GrowingCall {
  readonly id: string
  readonly name: string
  args: string
}

/** Collects a chat completion into the JSON body of an answer that is not streamed. */
export class ChatBody implements AnswerWriter {
  readonly #call: ChatCall
  #head: AnswerHead | undefined
  #text: string | undefined
  #refusal: string | undefined
  #thinking = ''
  /** Start of the open thinking block. */
  #thinkingStart = 0
  #signature = ''
  readonly #details: object[] = []
  readonly #calls: GrowingCall[] = []
  readonly #textLogprobs: TokenLogprob[] = []
  readonly #refusalLogprobs: TokenLogprob[] = []
  #body: string | undefined

  constructor(call: ChatCall) {
    this.#call = call
  }

  /** Returns the whole body, once; '' before the answer is complete. */
  take(): string {
    const body = this.#body ?? ''
    this.#body = undefined
    return body
  }

  start(head: AnswerHead): void {
    this.#head = head
  }

  open(_index: number, block: BlockHead): void {
    if (block.kind === 'call') this.#calls.push({ id: block.id, name: block.name, args: '' })
    else if (block.kind === 'thinking') this.#thinkingStart = this.#thinking.length
  }

  append(_index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (kind === 'text') this.#text = (this.#text ?? '') + text
    else if (kind === 'thinking') this.#thinking += text
    else if (kind === 'refusal') this.#refusal = (this.#refusal ?? '') + text
    else {
      const call = this.#calls.at(-1)
      if (call !== undefined) call.args += text
    }
    if (logprobs === undefined || !this.#call.hasLogprobs) return
    const list = kind === 'refusal' ? this.#refusalLogprobs : this.#textLogprobs
    for (const each of logprobs) list.push(each)
  }

  close(index: number, kind: BlockKind): void {
    if (kind !== 'thinking' || this.#signature === '') return
    this.#details.push(signedThinking(this.#thinking.slice(this.#thinkingStart), this.#signature, index))
  }

  sign(signature: string): void {
    this.#signature = signature
  }

  finish(ending: AnswerEnding): void {
    const { created, newId, usesFunctions } = this.#call
    this.#body = JSON.stringify({
      id: completionId('chatcmpl', this.#head?.id, newId),
      object: 'chat.completion',
      created,
      model: this.#head?.model,
      choices: [
        {
          index: 0,
          message: this.#message(),
          logprobs: this.#logprobs(),
          finish_reason: finishReason(ending, usesFunctions),
        },
      ],
      usage: chatUsage(ending.usage),
    })
  }

  fail(failure: AnswerFailure): void {
    this.#body = failureBody(failure, this.#call.requestId)
  }

  #message(): object {
    const thinking = this.#call.hidesThinking ? '' : this.#thinking
    const hasOther = this.#calls.length > 0 || this.#refusal !== undefined
    const message: Record<string, unknown> = {
      role: 'assistant',
      content: this.#text ?? (hasOther ? null : ''),
      refusal: this.#refusal ?? null,
    }
    if (thinking !== '') message.reasoning_content = thinking
    if (thinking !== '' && this.#details.length > 0) message.reasoning_details = this.#details
    const [first] = this.#calls
    if (first === undefined) return message
    if (this.#call.usesFunctions) message.function_call = { name: first.name, arguments: first.args }
    else message.tool_calls = this.#toolCalls()
    return message
  }

  #toolCalls(): readonly object[] {
    const { customTools } = this.#call
    return this.#calls.map(({ id, name, args }) =>
      customTools.has(name)
        ? { id, type: 'custom', custom: { name, input: customInput(args) } }
        : { id, type: 'function', function: { name, arguments: args } },
    )
  }

  #logprobs(): object | null {
    const content = this.#textLogprobs
    const refusal = this.#refusalLogprobs
    if (content.length === 0 && refusal.length === 0) return null
    return { content: content.length === 0 ? null : content, refusal: refusal.length === 0 ? null : refusal }
  }
}
