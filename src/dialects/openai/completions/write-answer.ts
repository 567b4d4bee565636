import type {
  AnswerEnding,
  AnswerFailure,
  AnswerHead,
  AnswerWriter,
  BlockKind,
  TokenLogprob,
} from '../../hub/contract/answer.ts'
import type { FormatCall } from '../../hub/format.ts'
import { PairedText } from '../../hub/parts/paired-text.ts'
import { type ChatCall, chatCall, chatUsage, completionId } from '../chat/answer/chat-shape.ts'
import { failureBody } from '../errors/failure-error.ts'
import { LogprobLists } from './completion-logprobs.ts'

export function completionsWriter(call: FormatCall): AnswerWriter {
  return call.isStream ? new CompletionChunks(chatCall(call)) : new CompletionBody(chatCall(call))
}

/** The API has only text: thinking and calls are left out, and a refusal is what the model says. */
function isText(kind: BlockKind): boolean {
  return kind === 'text' || kind === 'refusal'
}

function finishReason({ reason }: AnswerEnding): string {
  if (reason === 'filtered') return 'content_filter'
  return reason === 'length' || reason === 'context_full' ? 'length' : 'stop'
}

/** Writes a completion as OpenAI's stream of chunks. */
class CompletionChunks implements AnswerWriter {
  readonly #call: ChatCall
  readonly #logprobs = new LogprobLists()
  /** Of the open block, so that no chunk ends inside a character. */
  #pairs = new PairedText()
  #pending = ''
  /** Text around the content of a chunk, the same in every chunk. */
  #before = ''
  #end = ''

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
    const ownId = completionId('cmpl', id, newId)
    this.#before = `data: {"id":${JSON.stringify(ownId)},"object":"text_completion","created":${created},"model":${JSON.stringify(model)},"choices":[`
    this.#end = hasUsage ? '],"usage":null}\n\n' : ']}\n\n'
  }

  open(): void {}

  append(_index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (!isText(kind)) return
    const hasLogprobs = logprobs !== undefined && this.#call.hasLogprobs
    this.#write(
      this.#pairs.push(text),
      hasLogprobs ? JSON.stringify(this.#logprobs.next(logprobs)) : undefined,
    )
  }

  close(): void {
    this.#write(this.#pairs.end(), undefined)
    this.#pairs = new PairedText()
  }

  sign(): void {}

  finish(ending: AnswerEnding): void {
    this.#pending += `${this.#before}{"text":"","index":0,"logprobs":null,"finish_reason":"${finishReason(ending)}"}${this.#end}`
    if (this.#call.hasUsage)
      this.#pending += `${this.#before}],"usage":${JSON.stringify(chatUsage(ending.usage))}}\n\n`
    this.#pending += 'data: [DONE]\n\n'
  }

  fail(failure: AnswerFailure): void {
    this.#pending += `data: ${failureBody(failure, this.#call.requestId)}\n\n`
  }

  #write(text: string, logprobs: string | undefined): void {
    if (text === '' && logprobs === undefined) return
    this.#pending += `${this.#before}{"text":${JSON.stringify(text)},"index":0,"logprobs":${logprobs ?? 'null'},"finish_reason":null}${this.#end}`
  }
}

/** Collects a completion into the JSON body of an answer that is not streamed. */
class CompletionBody implements AnswerWriter {
  readonly #call: ChatCall
  readonly #logprobs: TokenLogprob[] = []
  #head: AnswerHead | undefined
  #text = ''
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

  open(): void {}

  append(_index: number, kind: BlockKind, text: string, logprobs?: readonly TokenLogprob[]): void {
    if (!isText(kind)) return
    this.#text += text
    if (logprobs !== undefined && this.#call.hasLogprobs)
      for (const each of logprobs) this.#logprobs.push(each)
  }

  close(): void {}

  sign(): void {}

  finish(ending: AnswerEnding): void {
    const { created, newId } = this.#call
    const logprobs = this.#logprobs.length === 0 ? null : new LogprobLists().next(this.#logprobs)
    this.#body = JSON.stringify({
      id: completionId('cmpl', this.#head?.id, newId),
      object: 'text_completion',
      created,
      model: this.#head?.model,
      choices: [{ text: this.#text, index: 0, logprobs, finish_reason: finishReason(ending) }],
      usage: chatUsage(ending.usage),
    })
  }

  fail(failure: AnswerFailure): void {
    this.#body = failureBody(failure, this.#call.requestId)
  }
}
