import type { AnswerFailure } from './answer.ts'
import type { Feature } from './features.ts'

export interface WholeRequest {
  /** What the request uses, for `refusedFeatures`. */
  readonly uses: ReadonlySet<Feature>
}

export type WholeReading<Answer> = { readonly answer: Answer } | { readonly failure: AnswerFailure }

/** What a writer of answers knows of the request. */
export interface WholeCall<Request extends WholeRequest> {
  readonly request: Request
  /** The client's name for the model. */
  readonly model: string
  /** Whether to use the endpoint's name for the model, if the answer contains it. */
  readonly keepsModel: boolean
  /** Creates an ID of a prefix and 24 random characters. */
  readonly newId: (prefix: string) => string
  /** Wall clock in milliseconds. */
  readonly nowMs: () => number
  /** Time since the request arrived, in whole nanoseconds. */
  readonly elapsedNs: () => number
}

/** Such operations generate no tokens. */
export interface WholeUsage {
  /** As the endpoint counts them; an estimate if it does not. */
  readonly promptTokens: number
}
