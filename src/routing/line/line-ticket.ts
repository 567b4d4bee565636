/** The endpoints that a request may go to, and its model there: requests with the same lane are interchangeable. */
export interface Lane {
  readonly key: string
  /** The endpoints alone: a caller has one share of them, whatever models it asks for. */
  readonly scope: string
  readonly slots: readonly number[]
  /** Name of the model at each of `slots`. */
  readonly models: readonly (string | undefined)[]
}

/** What the line knows of a waiting request. */
export interface LineTicket {
  /** ID of the request. */
  readonly id: string
  readonly lane: Lane
  /** Who shares turns: key, else session, else address. */
  readonly flow: string
  /** Index into `priorities`. */
  readonly priority: number
  /** Share of the flow; above 0. */
  readonly weight: number
  /** Estimated work; at least 1. */
  readonly tokens: number
  /** Held for its body. */
  readonly bytes: number
  /** For views. */
  readonly about: WaitingAbout
}

/** Who waits, and for what. */
export interface WaitingAbout {
  /** Number of the request on its thread. */
  readonly serial: number
  /** Address, or the name of the caller. */
  readonly client: string
  readonly keyId: string | undefined
  readonly session: string | undefined
  /** As the client names it. */
  readonly model: string | undefined
}

/** A request that waits for a place at one of its endpoints. */
export interface LineWaiter {
  /** Called when it enters. */
  ticket(): LineTicket
  /** Whether the request can use this endpoint. */
  wants(slot: number): boolean
  /** Whether it has just declined a place because it expects a better one. */
  readonly isPatient?: boolean
  /**
   * Retries; a waiter that still finds no place re-enters at once and keeps its position.
   * @param openSlot endpoint at which it may use a place that is reserved for higher classes
   */
  wake(openSlot?: number): void
}

/** Why a request may not wait, or no longer. */
export const lineReasons = ['off', 'full', 'model_full', 'bytes', 'model_bytes', 'too_long'] as const
export type LineReason = (typeof lineReasons)[number]

/** The position of a request in the line, counted from 1, and what that means. */
export interface LinePlace {
  readonly position: number
  /** Estimated tokens of the requests before it. */
  readonly aheadTokens: number
  /** Milliseconds until its turn; undefined until the line has been measured. */
  readonly waitMs: number | undefined
}

interface LaneCandidate {
  readonly endpoint: { readonly slot: number }
  readonly nativeModel: string | undefined
}

/** @param model as the client names it */
export function laneOf(
  tiers: readonly { readonly candidates: readonly LaneCandidate[] }[],
  model: string | undefined,
): Lane {
  const bySlot = new Map<number, string | undefined>()
  for (const { candidates } of tiers)
    for (const { endpoint, nativeModel } of candidates)
      if (!bySlot.has(endpoint.slot)) bySlot.set(endpoint.slot, nativeModel)
  const slots = [...bySlot.keys()].sort((a, b) => a - b)
  const scope = slots.join(',')
  return {
    key: `${model ?? ''}\n${scope}`,
    scope,
    slots,
    models: slots.map((slot) => bySlot.get(slot)),
  }
}
