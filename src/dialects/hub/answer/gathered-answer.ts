import type { GatheredAnswer, WholeAnswer } from '../../variants/request-variant.ts'
import type { AnswerTranslation } from './answer-translation.ts'

/** An answer that is sent whole once its translation is complete. */
export class GatheredTranslation implements GatheredAnswer {
  readonly #translation: AnswerTranslation
  readonly #parts: Buffer[] = []

  constructor(translation: AnswerTranslation) {
    this.#translation = translation
  }

  get isOver(): boolean {
    return this.#translation.outcome === 'failed'
  }

  push(chunk: Buffer): void {
    const part = this.#translation.push(chunk)
    if (part.length > 0) this.#parts.push(part)
  }

  end(): WholeAnswer {
    const body = Buffer.concat([...this.#parts, this.#translation.end()])
    const { outcome, failure } = this.#translation
    const statusCode = outcome === 'complete' ? 200 : (failure?.statusCode ?? 502)
    return { statusCode, headers: ['Content-Type', 'application/json; charset=utf-8'], body }
  }
}

/** The same answer, with a copy of its body for `tap`. */
export function tapped(answer: GatheredAnswer, tap: ((body: Buffer) => void) | undefined): GatheredAnswer {
  if (tap === undefined) return answer
  return {
    get isOver() {
      return answer.isOver === true
    },
    push: (chunk) => answer.push(chunk),
    end() {
      const whole = answer.end()
      tap(whole.body)
      return whole
    },
  }
}

/** Passes what a client receives to `tap`. */
export function tapTransform(tap: (chunk: Buffer) => void) {
  return {
    push(chunk: Buffer): Buffer {
      if (chunk.length > 0) tap(chunk)
      return chunk
    },
    end: () => Buffer.alloc(0),
  }
}
