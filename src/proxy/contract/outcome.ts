/**
 * How a request ended: `success` below 400, `rejection` for 4xx, `failure` for 5xx and answers that broke,
 * `client_closed` where the client left first, `cancelled` where an operator ended it.
 */
export const requestOutcomes = ['success', 'rejection', 'failure', 'client_closed', 'cancelled'] as const
export type RequestOutcome = (typeof requestOutcomes)[number]

/** 4xx is the client's doing, 5xx a failure; so is no status at all. */
export function outcomeOfStatus(status: number): RequestOutcome {
  if (status >= 500 || status === 0) return 'failure'
  return status >= 400 ? 'rejection' : 'success'
}
