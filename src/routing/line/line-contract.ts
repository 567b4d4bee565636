import type { Clock } from '../../kernel/clock.ts'
import type { PeerLink } from '../../runtime/links/peer-link.ts'
import type { ReservedShares } from '../selection/place-reserve.ts'
import type { LineCells } from './line-cells.ts'
import type { LineLimits } from './line-room.ts'
import type { MustSwap, SwapOptions } from './line-swaps.ts'
import type { LineReason, LineTicket, LineWaiter } from './line-ticket.ts'

export interface LineOptions extends LineLimits, SwapOptions {
  /** Whether callers take turns; otherwise all are one caller. */
  readonly isFair: boolean
  /** Time after which a class that is passed over rises by one; 0: never. */
  readonly riseMs: number
  readonly reserved?: ReservedShares
}

/** `lineCells`, and the link between the threads. */
export interface SharedLine extends LineCells {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly link: PeerLink
  readonly random?: (() => number) | undefined
  /** Undefined if no endpoint swaps models. */
  readonly mustSwap?: MustSwap | undefined
  /**
   * Whether an endpoint has a place for requests that leave this share of its places to higher classes. Required for
   * `reserved`.
   */
  readonly hasPlace?: ((slot: number, share: number) => boolean) | undefined
  readonly watch?: LineWatch | undefined
}

/** Receives what happens in the line of this thread. */
export interface LineWatch {
  entered?(waiter: LineWaiter, ticket: LineTicket): void
  /** @param slot the endpoint that has a place for it; undefined if it left without one */
  left?(ticket: LineTicket, waitedMs: number, slot: number | undefined): void
  refused?(ticket: LineTicket, reason: LineReason): void
}

/** Why a request may not enter, and when the client may try again. */
export interface LineRefusal {
  readonly reason: LineReason
  readonly retryAfterSeconds: number
  /** Requests that wait for the same model at the same endpoints. */
  readonly waiting: number
  /** Milliseconds until those have places; undefined until the line has been measured. */
  readonly waitMs: number | undefined
}
