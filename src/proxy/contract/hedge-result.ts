/**
 * How the race of two attempts ended: the second one answered first or replaced the first one, which had failed; the
 * first one answered; the second one failed; the request ended before either answered.
 */
export const hedgeResults = ['won', 'lost', 'failed', 'cancelled'] as const
export type HedgeResult = (typeof hedgeResults)[number]
