export const breakerStates = ['closed', 'open', 'half_open'] as const
/** What a circuit breaker does with requests. */
export type BreakerState = (typeof breakerStates)[number]
