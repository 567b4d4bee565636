import { memberSpans } from '../../../kernel/json/body-members.ts'
import { decodeString } from '../../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../../kernel/json/key-names.ts'
import type { AnswerAssembler } from '../../assembly/assembly-form.ts'
import { endedEarly } from '../../assembly/assembly-form.ts'
import { renamedAnswer } from '../../assembly/renamed-answer.ts'
import { type BadAnswer, errorIn } from '../../errors/bad-answer.ts'

const eventKeys = new KeyNames<number>([
  ['type', 0],
  ['response', 1],
])
const endings: ReadonlySet<string> = new Set([
  ...['response.completed', 'response.incomplete', 'response.failed', 'response.cancelled'],
])

/** The last event of a stream of the Responses API contains the whole response, whose bytes are kept. */
export class ResponseAssembly implements AnswerAssembler {
  #response: Buffer | undefined
  #hasFailed = false
  readonly lacksUsage = false

  get heldBytes(): number {
    return this.#response?.length ?? 0
  }

  push(data: Buffer): BadAnswer | undefined {
    if (this.#response !== undefined) return undefined
    const spans = memberSpans(data, eventKeys)
    if (spans === undefined) return isReadable(data) ? undefined : { reason: 'something that is not JSON' }
    const [type, response] = spans
    const name = type === undefined ? undefined : decodeString(data, type.start, type.end)
    if (name === 'error') return errorIn(data.toString('utf8')) ?? { reason: 'an error' }
    if (name === undefined || response === undefined || !endings.has(name)) return undefined
    // Copied: the chunk's memory may be used again.
    this.#response = Buffer.from(data.subarray(response.start, response.end))
    this.#hasFailed = name === 'response.failed'
    return undefined
  }

  end(model: string | undefined): Buffer | BadAnswer {
    const response = this.#response
    if (response === undefined) return endedEarly
    const named = renamedAnswer(response, model)
    if (!this.#hasFailed) return named
    const text = named.toString('utf8')
    return { ...(errorIn(text) ?? { reason: 'a failed response' }), whole: text }
  }
}

/** Blank, or the mark that some servers end every stream with. */
function isReadable(data: Buffer): boolean {
  const text = data.toString('utf8').trim()
  return text === '' || text === '[DONE]'
}
