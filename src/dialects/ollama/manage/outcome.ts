import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'

/** How an operation ended at one endpoint. */
export interface EndpointOutcome {
  readonly endpoint: Endpoint
  /** Undefined without an answer. */
  readonly statusCode: number | undefined
  /** Safe to show; undefined after success. */
  readonly failure: string | undefined
  readonly durationMs: number
}

/** The outcome at all endpoints together. */
export interface CombinedOutcome {
  readonly statusCode: number
  /** Names the endpoints that failed, and those that did not; undefined after success. */
  readonly error: string | undefined
}

/**
 * Succeeds only if the operation succeeded everywhere. The status of a failure is the one that all failed endpoints
 * answered, else 502.
 * @param allowsMissing whether 404 needs nothing done, unless all endpoints answer it
 */
export function combineOutcomes(
  outcomes: readonly EndpointOutcome[],
  allowsMissing = false,
): CombinedOutcome {
  const succeeded = outcomes.filter(({ failure }) => failure === undefined)
  const failed = outcomes.filter(
    ({ failure, statusCode }) =>
      failure !== undefined && !(allowsMissing && succeeded.length > 0 && statusCode === 404),
  )
  const [first] = failed
  if (first === undefined) {
    const statusCode = Math.max(200, ...succeeded.map((outcome) => outcome.statusCode ?? 200))
    return { statusCode, error: undefined }
  }
  const isSame = failed.every(({ statusCode }) => statusCode === first.statusCode)
  const reasons = failed.map(({ endpoint, failure }) => `${endpoint.name}: ${failure}`)
  const others = succeeded.length === 0 ? '' : `; succeeded on ${namesOf(succeeded)}`
  const { statusCode = 502 } = first
  return { statusCode: isSame && statusCode >= 400 ? statusCode : 502, error: reasons.join('; ') + others }
}

function namesOf(outcomes: readonly EndpointOutcome[]): string {
  return outcomes.map(({ endpoint }) => endpoint.name).join(', ')
}
