/**
 * How a request ended: `success` below 400, `rejection` for 4xx, `failure` for 5xx and incomplete answers,
 * `client_closed` if the client disconnected first, `cancelled` if an operator ended it.
 */
export const requestOutcomes = ['success', 'rejection', 'failure', 'client_closed', 'cancelled'] as const
export type RequestOutcome = (typeof requestOutcomes)[number]

/** 4xx is the client's error; 5xx or no status is a failure. */
export function outcomeOfStatus(status: number): RequestOutcome {
  if (status >= 500 || status === 0) return 'failure'
  return status >= 400 ? 'rejection' : 'success'
}
