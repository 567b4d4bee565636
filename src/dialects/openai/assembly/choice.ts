import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import { isGrowing, type Merged, mergeDelta, takeLast } from '../../assembly/merge.ts'
import { MessageAssembly } from './message.ts'

const handled: ReadonlySet<string> = new Set([
  ...['index', 'delta', 'message', 'text', 'logprobs', 'usage'],
  ...['token_ids', 'finish_reason'],
])

/** Assembles one choice of a chat completion or of a completion. */
export class ChoiceAssembly {
  readonly index: number
  readonly #fields: Merged = {}
  #message: MessageAssembly | undefined
  #text: string | undefined
  /** Code points of the text, once offsets into it have arrived. */
  #textLength: number | undefined
  #logprobs: unknown
  #tokenIds: unknown
  #finish: string | null | undefined
  /** Some servers report the usage here. */
  usage: JsonObject | undefined

  constructor(index: number) {
    this.index = index
  }

  get finish(): string | undefined {
    return this.#finish ?? undefined
  }

  get hasContent(): boolean {
    const message = this.#message
    return (this.#text ?? '') !== '' || message?.hasContent === true || message?.hasCalls === true
  }

  /** @returns the characters added, if only texts were */
  push(choice: JsonObject): number | undefined {
    const { delta, message, text, logprobs } = choice
    let characters: number | undefined = 0
    if (isObject(delta)) {
      this.#message ??= new MessageAssembly()
      characters = this.#message.push(delta)
    } else if (isObject(message)) {
      this.#message ??= new MessageAssembly()
      this.#message.take(message)
      characters = undefined
    }
    if (isObject(logprobs) && Array.isArray(logprobs.text_offset)) this.#offset(logprobs.text_offset)
    if (typeof text === 'string') {
      if (this.#textLength !== undefined) this.#textLength += countCharacters(text)
      this.#text = this.#text === undefined ? text : this.#text + text
      if (characters !== undefined) characters += text.length
    }
    if (logprobs !== undefined) characters = this.#addLogprobs(logprobs) ? undefined : characters
    if (Array.isArray(choice.token_ids)) {
      this.#tokenIds = Array.isArray(this.#tokenIds) ? this.#tokenIds : []
      if (Array.isArray(this.#tokenIds)) for (const id of choice.token_ids) this.#tokenIds.push(id)
      characters = undefined
    } else if (choice.token_ids === null) this.#tokenIds ??= null
    const finish = textField(choice, 'finish_reason')
    if (finish) this.#finish = finish
    if (isObject(choice.usage)) this.usage = choice.usage
    const added = takeLast(this.#fields, choice, handled)
    return characters === undefined ? undefined : characters + added
  }

  end(isChat: boolean): JsonObject {
    const hasCalls = this.#message?.hasCalls === true
    return {
      index: this.index,
      ...(isChat || this.#message !== undefined
        ? { message: (this.#message ?? new MessageAssembly()).end() }
        : { text: this.#text ?? '' }),
      // Required by OpenAI's document; chunks leave it out.
      logprobs: this.#logprobs ?? null,
      // A stream that ends with `[DONE]` may leave the reason out.
      finish_reason: this.#finish ?? (hasCalls ? 'tool_calls' : 'stop'),
      ...this.#fields,
      ...(this.#tokenIds === undefined ? {} : { token_ids: this.#tokenIds }),
    }
  }

  /** Some servers count the offsets of each chunk from its own start. */
  #offset(offsets: unknown[]): void {
    this.#textLength ??= countCharacters(this.#text ?? '')
    const before = this.#textLength
    const [first] = offsets
    if (typeof first !== 'number' || first >= before) return
    for (const [at, offset] of offsets.entries())
      if (typeof offset === 'number') offsets[at] = offset + before
  }

  /** Both forms consist of lists, one item per token. @returns whether any was added */
  #addLogprobs(logprobs: unknown): boolean {
    if (!isObject(logprobs)) {
      if (this.#logprobs === undefined) this.#logprobs = null
      return false
    }
    if (isGrowing(this.#logprobs)) mergeDelta(this.#logprobs, logprobs)
    else this.#logprobs = logprobs
    return true
  }
}

function countCharacters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
