import { textField } from '../../../kernel/json/json-fields.ts'
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

/** Writes an answer as Ollama streams it: one JSON object per line. A call is written once it is complete. */
export class AnswerLines implements AnswerWriter {
  readonly #shape: AnswerShape
  readonly #times: AnswerTimes
  readonly #wantsLogprobs: boolean
  /** The beginning of each line. */
  #lineStart: string
  #pending = ''
  #callName = ''
  #callArgs = ''

  constructor(call: FormatCall, shape: AnswerShape) {
    this.#shape = shape
    this.#times = new AnswerTimes(call)
    this.#wantsLogprobs = call.conversation.settings.logprobs !== undefined
    this.#lineStart = lineStart(textField(call.request, 'model') ?? '')
  }

  take(): string {
    const text = this.#pending
    this.#pending = ''
    return text
  }

  start({ model }: AnswerHead): void {
    this.#lineStart = lineStart(model)
  }

  open(_index: number, block: BlockHead): void {
    this.#times.noteContent()
    if (block.kind !== 'call') return
    this.#callName = block.name
    this.#callArgs = ''
  }

  append(_index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (kind === 'call') {
      this.#callArgs += text
      return
    }
    // Called for every token, so it only builds a string.
    const { textStart, thinkingStart, end } = this.#shape
    const start = kind === 'thinking' ? thinkingStart : textStart
    const further = logprobs === undefined || !this.#wantsLogprobs ? '' : logprobsMember(logprobs)
    this.#pending += `${this.#lineStart}${this.#times.createdAt()}",${start}${JSON.stringify(text)}${end}${further},"done":false}\n`
  }

  close(_index: number, kind: BlockKind): void {
    if (kind !== 'call') return
    const call = answerCall(this.#callName, this.#callArgs)
    if (call === undefined) return
    const { callsStart, end } = this.#shape
    this.#pending += `${this.#lineStart}${this.#times.createdAt()}",${callsStart}${JSON.stringify([call])}${end},"done":false}\n`
  }

  sign(): void {}

  finish(ending: AnswerEnding): void {
    const { textStart, end } = this.#shape
    // The members of the object follow those of the line.
    const members = JSON.stringify(this.#times.ending(ending)).slice(1)
    this.#pending += `${this.#lineStart}${this.#times.createdAt()}",${textStart}""${end},${members}\n`
  }

  fail({ message }: AnswerFailure): void {
    this.#pending += `${JSON.stringify({ error: message })}\n`
  }
}

function lineStart(model: string): string {
  return `{"model":${JSON.stringify(model)},"created_at":"`
}

function logprobsMember(logprobs: readonly TokenLogprob[]): string {
  return `,"logprobs":${JSON.stringify(ollamaLogprobs(logprobs))}`
}
