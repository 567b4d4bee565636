import type { Timer } from '../../kernel/clock.ts'

/** The probes of one endpoint. */
export interface Watch {
  timer: Timer | undefined
  warmTimer: Timer | undefined
  probing: boolean
  /** Until the first probe after the start has ended. */
  isStarting: boolean
  /** Monotonic milliseconds. */
  limitedUntilMs: number
  /** End of the last probe; monotonic milliseconds. */
  probedMs: number
  /** Whether the endpoint refused its model list for lack of credentials and none of its models is known. */
  isListRefused: boolean
}

export function createWatch(): Watch {
  return {
    timer: undefined,
    warmTimer: undefined,
    probing: false,
    isStarting: true,
    limitedUntilMs: 0,
    probedMs: 0,
    isListRefused: false,
  }
}
