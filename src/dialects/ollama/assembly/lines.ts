import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import { type AnswerAssembler, endedEarly } from '../../assembly/assembly-form.ts'
import { isGrowing, type Merged, mergeDelta, readEvent, takeLast } from '../../assembly/merge.ts'
import { type BadAnswer, errorIn } from '../../errors/bad-answer.ts'

/** Members that every line has a part of. */
const parts: ReadonlySet<string> = new Set(['message', 'response', 'thinking', 'logprobs'])
/** Progress of an image, which only streams report. */
const progressKeys = ['completed', 'total'] as const

/** Assembles an answer of Ollama's API: the last line has the durations and counts, the lines before it the content. */
export class LineAssembly implements AnswerAssembler {
  readonly #content: Merged = {}
  readonly #others: Merged = {}
  #last: JsonObject | undefined
  heldBytes = 0
  readonly lacksUsage = false

  push(data: Buffer): BadAnswer | undefined {
    const text = data.toString('utf8').trim()
    if (text === '' || this.#last !== undefined) return undefined
    const read = readEvent(text)
    if ('bad' in read) return read.bad
    const { value } = read
    if ((value.error ?? null) !== null && !('message' in value) && !('response' in value))
      return errorIn(text) ?? { reason: 'an error' }
    let characters: number | undefined = 0
    for (const key of parts) {
      if (value[key] === undefined) continue
      const added = this.#part(key, value[key])
      characters = added === undefined || characters === undefined ? undefined : characters + added
    }
    this.heldBytes += characters ?? data.length
    if (value.done === true) this.#last = value
    else this.heldBytes += takeLast(this.#others, value, parts)
    return undefined
  }

  end(model: string | undefined): Buffer | BadAnswer {
    const last = this.#last
    if (last === undefined) return endedEarly
    const whole: Merged = {}
    takeLast(whole, this.#others)
    for (const key of progressKeys) if (!(key in last)) delete whole[key]
    takeLast(whole, last, parts)
    if (model !== undefined && typeof whole.model === 'string') whole.model = model
    const { model: name, created_at, ...others } = whole
    return Buffer.from(
      JSON.stringify({
        ...(name === undefined ? {} : { model: name }),
        ...(created_at === undefined ? {} : { created_at }),
        ...this.#content,
        ...others,
      }),
    )
  }

  #part(key: string, value: unknown): number | undefined {
    const known = this.#content[key]
    // A message grows member by member; its calls are whole.
    if (isObject(value) && isGrowing(known)) return mergeDelta(known, value)
    if (isObject(value)) {
      this.#content[key] = {}
      return this.#part(key, value)
    }
    return mergeDelta(this.#content, { [key]: value })
  }
}
