import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import type { AnswerAssembler } from '../../assembly/assembly-form.ts'
import { endedEarly } from '../../assembly/assembly-form.ts'
import { type Merged, readEvent, takeLast } from '../../assembly/merge.ts'
import { type BadAnswer, errorIn } from '../../errors/bad-answer.ts'
import { isBrokenFinish } from '../../hub/parts/broken-finish.ts'
import { ChoiceAssembly } from './choice.ts'

/** Members of the chunks whose first value counts; of all others the last one does. */
const firstKeys = ['id', 'created', 'model'] as const
const handled: ReadonlySet<string> = new Set(['object', 'choices', ...firstKeys])
/** Most that `n` may ask for. */
const maxChoices = 4_096

/** Assembles a chat completion, or a completion, from its chunks. */
export class CompletionAssembly implements AnswerAssembler {
  readonly #isChat: boolean
  readonly #fields: Merged = {}
  readonly #choices = new Map<number, ChoiceAssembly>()
  #last: ChoiceAssembly | undefined
  #isDone = false
  heldBytes = 0

  constructor(isChat: boolean) {
    this.#isChat = isChat
  }

  get lacksUsage(): boolean {
    return this.#usage === undefined
  }

  push(data: Buffer): BadAnswer | undefined {
    const text = data.toString('utf8').trim()
    if (this.#isDone || text === '') return undefined
    if (text === '[DONE]') {
      this.#isDone = true
      return undefined
    }
    const read = readEvent(text)
    if ('bad' in read) return read.bad
    const { value } = read
    const { choices } = value
    const isChunk = Array.isArray(choices)
    if (!isChunk || (value.error ?? null) !== null) {
      const bad = errorIn(text)
      if (bad !== undefined) return bad
    }
    let characters: number | undefined = this.#head(value)
    if (isChunk) {
      for (const [at, choice] of choices.entries()) {
        if (!isObject(choice)) continue
        const added = this.#choice(choice.index, at)?.push(choice)
        characters = added === undefined || characters === undefined ? undefined : characters + added
      }
    }
    this.heldBytes += characters ?? data.length
    return this.#choices.size > maxChoices ? { reason: 'too many choices' } : undefined
  }

  end(model: string | undefined): Buffer | BadAnswer {
    const choices = [...this.#choices.values()].sort((a, b) => a.index - b.index)
    const isWhole = (choice: ChoiceAssembly) =>
      choice.finish !== undefined || (this.#isDone && choice.hasContent)
    if (choices.length === 0 || !choices.every(isWhole)) return endedEarly
    const broken = choices.find(({ finish }) => finish !== undefined && isBrokenFinish(finish))
    if (broken !== undefined) return { reason: `broken off: ${broken.finish}` }
    const { usage: _nulled, ...others } = this.#fields
    const usage = this.#usage
    return Buffer.from(
      JSON.stringify({
        ...(others.id === undefined ? {} : { id: others.id }),
        object: this.#isChat ? 'chat.completion' : 'text_completion',
        ...(others.created === undefined ? {} : { created: others.created }),
        ...(others.model === undefined ? {} : { model: model ?? others.model }),
        choices: choices.map((choice) => choice.end(this.#isChat)),
        ...(usage === undefined ? {} : { usage }),
        ...without(others, firstKeys),
      }),
    )
  }

  get #usage(): JsonObject | undefined {
    const { usage } = this.#fields
    if (isObject(usage)) return usage
    return [...this.#choices.values()].find((choice) => choice.usage !== undefined)?.usage
  }

  /** @returns the characters added */
  #head(value: JsonObject): number {
    // An endpoint may leave them empty in its first chunk.
    for (const key of firstKeys) if (value[key]) this.#fields[key] ||= value[key]
    return takeLast(this.#fields, value, handled)
  }

  #choice(given: unknown, at: number): ChoiceAssembly | undefined {
    const index = typeof given === 'number' ? given : at
    if (this.#last?.index === index) return this.#last
    let choice = this.#choices.get(index)
    if (choice === undefined) {
      choice = new ChoiceAssembly(index)
      this.#choices.set(index, choice)
    }
    this.#last = choice
    return choice
  }
}

function without(fields: Merged, keys: readonly string[]): Merged {
  const rest = { ...fields }
  for (const key of keys) delete rest[key]
  return rest
}
