import type { LimitAmount, LimitVerdict } from '../contract/limits.ts'
import type { Difference, WaitingRequest } from './limit-batch.ts'

interface UnsureRequest {
  readonly sent: WaitingRequest
  /** What the server has decided; undefined as long as that is unknown. */
  verdict: LimitVerdict | undefined
  /** What the request has used; undefined while it is in progress. */
  used: readonly number[] | undefined
}

/**
 * Requests that did not get their verdict in time, and were decided about without it. When both the verdict and what
 * they have used are known, they are counted once: as a difference to what the server has reserved, or as a late amount.
 */
export class UnsureRequests {
  readonly #requests = new Map<number, UnsureRequest>()
  readonly #settle: (difference: Difference) => void
  readonly #addLate: (amount: LimitAmount) => void
  #last = 0

  constructor(settle: (difference: Difference) => void, addLate: (amount: LimitAmount) => void) {
    this.#settle = settle
    this.#addLate = addLate
  }

  get size(): number {
    return this.#requests.size
  }

  /** @returns its ticket */
  add(sent: WaitingRequest): number {
    const ticket = ++this.#last
    sent.ticket = ticket
    this.#requests.set(ticket, { sent, verdict: undefined, used: undefined })
    return ticket
  }

  /** @returns the verdict on a request that waits no longer; the server may decide about it later */
  verdictOn(sent: WaitingRequest): LimitVerdict {
    const ticket = this.add(sent)
    const { request, refusal } = sent
    if (refusal === undefined) return { kind: 'away', ticket }
    this.used(
      ticket,
      request.amounts.map(() => 0),
    )
    return refusal
  }

  /** The server's verdict on a request has become known; `away` if it has not decided, and will not. */
  decided(ticket: number, verdict: LimitVerdict): void {
    const request = this.#requests.get(ticket)
    if (request === undefined) return
    request.verdict = verdict
    this.#finish(ticket, request)
  }

  /** What a request has used is known. @param used of each limit of its group */
  used(ticket: number, used: readonly number[]): void {
    const request = this.#requests.get(ticket)
    if (request === undefined) return
    request.used = used
    this.#finish(ticket, request)
  }

  /** A thread has ended: what its requests have reserved stays reserved. */
  reclaim(thread: number): void {
    for (const [ticket, { sent }] of this.#requests) if (sent.thread === thread) this.#requests.delete(ticket)
  }

  #finish(ticket: number, { sent, verdict, used }: UnsureRequest): void {
    if (verdict === undefined || used === undefined) return
    this.#requests.delete(ticket)
    const { group, amounts } = sent.request
    for (const [at, of] of group.limits.entries()) {
      const bucket = verdict.kind === 'reserved' ? verdict.buckets[at] : undefined
      const amount = used[at] ?? 0
      if (bucket === undefined) this.#addLate({ of, amount })
      else this.#settle({ key: of.key, bucket, amount: amount - (amounts[at] ?? 0) })
    }
  }
}
