import { type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockHead,
  BlockKind,
  TokenLogprob,
} from '../../hub/contract/answer.ts'
import type { FormatCall } from '../../hub/format.ts'
import { answerCall } from './answer-calls.ts'
import type { AnswerShape } from './answer-shape.ts'
import { AnswerTimes } from './answer-times.ts'
import { ollamaLogprobs } from './logprobs.ts'

/** Collects an answer into the one object that a client without a stream receives. */
export class AnswerBody implements AnswerWriter {
  readonly #shape: AnswerShape
  readonly #times: AnswerTimes
  readonly #wantsLogprobs: boolean
  readonly #calls: JsonObject[] = []
  readonly #logprobs: JsonObject[] = []
  #model: string
  #text = ''
  #thinking = ''
  #callName = ''
  #callArgs = ''
  #body = ''

  constructor(call: FormatCall, shape: AnswerShape) {
    this.#shape = shape
    this.#times = new AnswerTimes(call)
    this.#wantsLogprobs = call.conversation.settings.logprobs !== undefined
    this.#model = textField(call.request, 'model') ?? ''
  }

  /** Returns the whole body, once; '' before the answer is complete. */
  take(): string {
    const body = this.#body
    this.#body = ''
    return body
  }

  start({ model }: AnswerHead): void {
    this.#model = model
  }

  open(_index: number, block: BlockHead): void {
    this.#times.noteContent()
    if (block.kind !== 'call') return
    this.#callName = block.name
    this.#callArgs = ''
  }

  append(_index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (kind === 'call') this.#callArgs += text
    else if (kind === 'thinking') this.#thinking += text
    else this.#text += text
    if (logprobs === undefined || !this.#wantsLogprobs) return
    for (const each of ollamaLogprobs(logprobs)) this.#logprobs.push(each)
  }

  close(_index: number, kind: BlockKind): void {
    if (kind !== 'call') return
    const call = answerCall(this.#callName, this.#callArgs)
    if (call !== undefined) this.#calls.push(call)
  }

  sign(): void {}

  finish(ending: AnswerEnding): void {
    const further = {
      ...(this.#thinking === '' ? {} : { thinking: this.#thinking }),
      ...(this.#calls.length === 0 ? {} : { tool_calls: this.#calls }),
    }
    const content =
      this.#shape.operation === 'chat'
        ? { message: { role: 'assistant', content: this.#text, ...further } }
        : { response: this.#text, ...further }
    this.#body = JSON.stringify({
      model: this.#model,
      created_at: this.#times.createdAt(),
      ...content,
      ...(this.#logprobs.length === 0 ? {} : { logprobs: this.#logprobs }),
      ...this.#times.ending(ending),
    })
  }

  fail({ message }: AnswerFailure): void {
    this.#body = JSON.stringify({ error: message })
  }
}
