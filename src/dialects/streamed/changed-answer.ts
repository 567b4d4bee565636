import type { BadAnswer } from '../errors/bad-answer.ts'
import type { AnswerVariant, GatheredAnswer, WholeAnswer } from '../variants/request-variant.ts'

/** An assembled answer, changed as an answer without streaming would be. */
export class ChangedAnswer implements GatheredAnswer {
  readonly #assembled: GatheredAnswer
  readonly #changes: AnswerVariant | GatheredAnswer

  constructor(assembled: GatheredAnswer, changes: AnswerVariant | GatheredAnswer) {
    this.#assembled = assembled
    this.#changes = changes
  }

  get failure(): BadAnswer | undefined {
    return this.#assembled.failure
  }

  get isOver(): boolean {
    return this.#assembled.isOver === true
  }

  get heldBytes(): number {
    return this.#assembled.heldBytes ?? 0
  }

  push(chunk: Buffer): void {
    this.#assembled.push(chunk)
  }

  end(): WholeAnswer {
    const whole = this.#assembled.end()
    if (this.#assembled.failure !== undefined) return whole
    const changes = this.#changes
    if ('push' in changes) {
      changes.push(whole.body)
      return changes.end()
    }
    let { body } = whole
    for (const transform of changes.transforms) body = Buffer.concat([transform.push(body), transform.end()])
    return {
      statusCode: changes.statusCode ?? whole.statusCode,
      headers: changes.headers ?? whole.headers,
      body,
    }
  }
}
