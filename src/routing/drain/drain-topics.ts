import type { Topic } from '../../runtime/links/peer-link.ts'

/** The time of a drain is over: the threads end the requests at the endpoint of that name. Answered with their number. */
export const cutTopic: Topic<string, number> = 'endpoints.cut'

/** An operator takes an endpoint out of service or back, by name. */
export interface DrainOrder {
  readonly endpoint: string
  readonly drains: boolean
  readonly by: string
  /** Milliseconds to wait until it is empty. */
  readonly waitMs: number
}

/** State of the endpoint afterwards; undefined if there is none of that name. */
export interface DrainState {
  readonly endpoint: string
  readonly status: string
  readonly inFlight: number
}

export const drainTopic: Topic<DrainOrder, DrainState | undefined> = 'endpoints.drain'
