import type { TokenLogprob } from '../../../hub/contract/answer.ts'
import { PairedText } from '../../../hub/parts/paired-text.ts'
import type { EventLog } from './event-log.ts'
import { type ItemStatus, itemPlace, type OutputItem, writeAdded, writeDone } from './output-item.ts'

/** A message with one part: text, or a refusal. */
export class MessageItem implements OutputItem {
  readonly #id: string
  readonly #index: number
  readonly #isRefusal: boolean
  readonly #hasLogprobs: boolean
  readonly #place: string
  readonly #pairs = new PairedText()
  #text = ''
  /** JSON texts of the log probabilities. */
  readonly #logprobs: string[] = []

  /** @param hasLogprobs whether the client requested them */
  constructor(id: string, index: number, isRefusal: boolean, hasLogprobs: boolean) {
    this.#id = id
    this.#index = index
    this.#isRefusal = isRefusal
    this.#hasLogprobs = hasLogprobs
    this.#place = `${itemPlace(id, index)},"content_index":0`
  }

  begin(log: EventLog | undefined): void {
    writeAdded(log, this.#index, this.#item('in_progress', ''))
    log?.write('response.content_part.added', `${this.#place},"part":${this.#part('""', '')}`)
  }

  append(log: EventLog | undefined, text: string, logprobs: readonly TokenLogprob[] | undefined): void {
    const whole = this.#pairs.push(text)
    const probabilities = this.#hasLogprobs && logprobs !== undefined ? logprobsJson(logprobs) : ''
    if (probabilities !== '') this.#logprobs.push(probabilities)
    if (whole !== '' || probabilities !== '') this.#write(log, whole, probabilities)
  }

  end(log: EventLog | undefined, status: ItemStatus): string {
    const rest = this.#pairs.end()
    if (rest !== '') this.#write(log, rest, '')
    const text = JSON.stringify(this.#text)
    const logprobs = this.#logprobs.join(',')
    const part = this.#part(text, logprobs)
    const item = this.#item(status, part)
    if (log !== undefined) {
      if (this.#isRefusal) log.write('response.refusal.done', `${this.#place},"refusal":${text}`)
      else log.write('response.output_text.done', `${this.#place},"text":${text},"logprobs":[${logprobs}]`)
      log.write('response.content_part.done', `${this.#place},"part":${part}`)
      writeDone(log, this.#index, item)
    }
    return item
  }

  #write(log: EventLog | undefined, text: string, logprobs: string): void {
    this.#text += text
    if (log === undefined) return
    const delta = `${this.#place},"delta":${JSON.stringify(text)}`
    if (this.#isRefusal) log.write('response.refusal.delta', delta)
    else log.write('response.output_text.delta', `${delta},"logprobs":[${logprobs}]`)
  }

  #item(status: string, part: string): string {
    return `{"id":"${this.#id}","type":"message","status":"${status}","role":"assistant","content":[${part}]}`
  }

  #part(text: string, logprobs: string): string {
    return this.#isRefusal
      ? `{"type":"refusal","refusal":${text}}`
      : `{"type":"output_text","text":${text},"annotations":[],"logprobs":[${logprobs}]}`
  }
}

function logprobsJson(logprobs: readonly TokenLogprob[]): string {
  const list = logprobs.map(({ token, logprob, bytes, top_logprobs: top }) => ({
    token,
    logprob,
    bytes: bytes ?? [],
    top_logprobs: top.map((each) => ({ token: each.token, logprob: each.logprob, bytes: each.bytes ?? [] })),
  }))
  return JSON.stringify(list).slice(1, -1)
}
