import { SseReader } from '../../kernel/stream/sse-reader.ts'
import type { AnswerAssembler, AssemblyForm } from '../assembly/assembly-form.ts'
import { readEvent } from '../assembly/merge.ts'
import { renamedAnswer } from '../assembly/renamed-answer.ts'
import { type BadAnswer, errorOfEvent } from '../errors/bad-answer.ts'
import { LineReader } from '../hub/answer/line-reader.ts'
import type { GatheredAnswer, WholeAnswer } from '../variants/request-variant.ts'

/** Largest answer that is assembled; answers are text. */
const maxAnswerBytes = 67_108_864
const jsonHead = ['Content-Type', 'application/json; charset=utf-8']
const noBytes: Buffer = Buffer.alloc(0)
const openBrace = 0x7b

/** Makes the whole answer of a stream, for a client that did not ask for one. */
export class AssembledAnswer implements GatheredAnswer {
  readonly #assembler: AnswerAssembler
  readonly #events: SseReader | LineReader
  readonly #model: string | undefined
  readonly #ended: (lacksUsage: boolean) => void
  readonly #framing: AssemblyForm['framing']
  /** An answer that is whole although its type says that it is a stream; undefined before its first byte. */
  #whole: Buffer[] | false | undefined
  #wholeBytes = 0
  failure: BadAnswer | undefined

  /**
   * @param model replaces the endpoint's name for the model
   * @param ended called once the answer is complete
   */
  constructor(form: AssemblyForm, model: string | undefined, ended: (lacksUsage: boolean) => void) {
    this.#assembler = form.create()
    this.#model = model
    this.#ended = ended
    this.#framing = form.framing
    const push = (data: Buffer, name: string) => this.#event(data, name)
    this.#events = form.framing === 'sse' ? new SseReader(push) : new LineReader((line) => push(line, ''))
  }

  get isOver(): boolean {
    return this.failure !== undefined
  }

  get heldBytes(): number {
    return this.#assembler.heldBytes + this.#wholeBytes
  }

  push(chunk: Buffer): void {
    if (this.failure !== undefined) return
    if (chunk.length > 0) this.#whole ??= this.#framing === 'sse' && chunk[0] === openBrace ? [] : false
    if (this.#whole) {
      this.#whole.push(chunk)
      this.#wholeBytes += chunk.length
    } else this.#events.push(chunk)
    if (this.#events.hasLargeEvent) this.failure ??= { reason: 'an event that is too large' }
    if (this.heldBytes > maxAnswerBytes) this.failure ??= { reason: 'too large' }
  }

  end(): WholeAnswer {
    const isWhole = Array.isArray(this.#whole)
    if (this.failure === undefined && !isWhole) this.#events.end()
    const body = this.failure ?? (isWhole ? this.#received() : this.#assembled())
    if (Buffer.isBuffer(body)) {
      if (!isWhole) this.#ended(this.#assembler.lacksUsage)
      return { statusCode: 200, headers: jsonHead, body }
    }
    this.failure = body
    return { statusCode: 502, headers: jsonHead, body: noBytes }
  }

  #event(data: Buffer, name: string): void {
    if (this.failure !== undefined) return
    this.failure =
      name === 'error'
        ? errorOfEvent(data.toString('utf8'))
        : this.#guarded(() => this.#assembler.push(data, name))
  }

  /** The whole answer, as the endpoint sent it. */
  #received(): Buffer | BadAnswer {
    const body = Buffer.concat(this.#whole || [])
    const read = readEvent(body.toString('utf8'))
    return 'bad' in read ? read.bad : renamedAnswer(body, this.#model)
  }

  #assembled(): Buffer | BadAnswer {
    return this.#guarded(() => this.#assembler.end(this.#model)) ?? { reason: 'empty' }
  }

  /** Values that are nested too deeply can be parsed but not merged or serialized. */
  #guarded<T>(run: () => T): T | BadAnswer {
    try {
      return run()
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      return { reason: 'nested too deeply or too long' }
    }
  }
}
