import { PairedText } from '../../../hub/parts/paired-text.ts'
import { sealThinking } from '../request/thinking-envelope.ts'
import type { EventLog } from './event-log.ts'
import { type ItemStatus, itemPlace, type OutputItem, writeAdded, writeDone } from './output-item.ts'

/** How the client receives thinking. */
export interface ReasoningForm {
  /** As the summary that the client requested; else as the content of the item, as open models do. */
  readonly isSummary: boolean
  /** Whether the client requested `reasoning.encrypted_content`. */
  readonly isSealed: boolean
}

/** The thinking of the model. */
export class ReasoningItem implements OutputItem {
  readonly #id: string
  readonly #index: number
  readonly #form: ReasoningForm
  readonly #place: string
  readonly #pairs = new PairedText()
  #text = ''

  constructor(id: string, index: number, form: ReasoningForm) {
    this.#id = id
    this.#index = index
    this.#form = form
    this.#place = `${itemPlace(id, index)},"${form.isSummary ? 'summary' : 'content'}_index":0`
  }

  begin(log: EventLog | undefined): void {
    if (log === undefined) return
    writeAdded(log, this.#index, this.#item('', ''))
    const type = this.#form.isSummary
      ? 'response.reasoning_summary_part.added'
      : 'response.content_part.added'
    log.write(type, `${this.#place},"part":${this.#part('""')}`)
  }

  append(log: EventLog | undefined, text: string): void {
    const whole = this.#pairs.push(text)
    if (whole !== '') this.#write(log, whole)
  }

  end(log: EventLog | undefined, _status: ItemStatus, signature: string): string {
    const rest = this.#pairs.end()
    if (rest !== '') this.#write(log, rest)
    const text = JSON.stringify(this.#text)
    const part = this.#part(text)
    const sealed = this.#form.isSealed
      ? `,"encrypted_content":"${sealThinking({ text: this.#text, signature })}"`
      : ''
    const item = this.#item(part, sealed)
    if (log !== undefined) {
      const { isSummary } = this.#form
      const textType = isSummary ? 'response.reasoning_summary_text.done' : 'response.reasoning_text.done'
      const partType = isSummary ? 'response.reasoning_summary_part.done' : 'response.content_part.done'
      log.write(textType, `${this.#place},"text":${text}`)
      log.write(partType, `${this.#place},"part":${part}`)
      writeDone(log, this.#index, item)
    }
    return item
  }

  #write(log: EventLog | undefined, text: string): void {
    this.#text += text
    if (log === undefined) return
    const type = this.#form.isSummary
      ? 'response.reasoning_summary_text.delta'
      : 'response.reasoning_text.delta'
    log.write(type, `${this.#place},"delta":${JSON.stringify(text)}`)
  }

  #item(part: string, sealed: string): string {
    const { isSummary } = this.#form
    const parts = isSummary ? `"summary":[${part}]` : `"summary":[],"content":[${part}]`
    return `{"id":"${this.#id}","type":"reasoning",${parts}${sealed}}`
  }

  #part(text: string): string {
    return `{"type":"${this.#form.isSummary ? 'summary' : 'reasoning'}_text","text":${text}}`
  }
}
