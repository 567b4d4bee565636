/** Strategies of the endpoint selector, as `proxy.load_balancer` names them. */
export const strategyNames = ['least-connections', 'expected-latency', 'priority', 'round-robin'] as const
export type StrategyName = (typeof strategyNames)[number]
