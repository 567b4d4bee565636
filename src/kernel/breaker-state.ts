export const breakerStates = ['closed', 'open', 'half_open'] as const
/** State of a circuit breaker. */
export type BreakerState = (typeof breakerStates)[number]
