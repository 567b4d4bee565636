import type { BadAnswer } from '../../errors/bad-answer.ts'
import type { GatheredAnswer, WholeAnswer } from '../../variants/request-variant.ts'
import type { AnswerFailure } from '../contract/answer.ts'
import type { AnswerTranslation } from './answer-translation.ts'

const jsonHead: readonly string[] = ['Content-Type', 'application/json; charset=utf-8']

/** An answer that is sent whole once its translation is complete. */
export class GatheredTranslation implements GatheredAnswer {
  readonly #translation: AnswerTranslation
  readonly #parts: Buffer[] = []
  readonly #failsOver: boolean

  /** @param failsOver whether another endpoint is tried if the answer fails */
  constructor(translation: AnswerTranslation, failsOver = false) {
    this.#translation = translation
    this.#failsOver = failsOver
  }

  get isOver(): boolean {
    return this.#translation.outcome === 'failed'
  }

  get failure(): BadAnswer | undefined {
    const { outcome, failure } = this.#translation
    if (!this.#failsOver || outcome === 'complete') return undefined
    return failure === undefined ? { reason: 'incomplete' } : badAnswer(failure)
  }

  push(chunk: Buffer): void {
    const part = this.#translation.push(chunk)
    if (part.length > 0) this.#parts.push(part)
  }

  end(): WholeAnswer {
    const last = this.#translation.end()
    const body = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last])
    const { outcome, failure } = this.#translation
    const statusCode = outcome === 'complete' ? 200 : (failure?.statusCode ?? 502)
    return { statusCode, headers: jsonHead, body }
  }
}

/** @param failure that the endpoint reported, or that the gateway found */
function badAnswer({ statusCode, message, endpointType, code, param }: AnswerFailure): BadAnswer {
  const isReported = endpointType !== undefined || code !== undefined || statusCode !== 502
  if (!isReported) return { reason: message }
  const type = endpointType ?? 'api_error'
  const error = { statusCode, message, type, code, param }
  return {
    reason: `error ${statusCode}`,
    error,
    body: JSON.stringify({ error: { message, type, code, param } }),
  }
}

/** The same answer, with a copy of its body for `tap`. */
export function tapped(answer: GatheredAnswer, tap: ((body: Buffer) => void) | undefined): GatheredAnswer {
  if (tap === undefined) return answer
  return {
    get isOver() {
      return answer.isOver === true
    },
    get failure() {
      return answer.failure
    },
    push: (chunk) => answer.push(chunk),
    end() {
      const whole = answer.end()
      if (answer.failure === undefined) tap(whole.body)
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
