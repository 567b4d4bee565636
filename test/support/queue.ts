import assert from 'node:assert/strict'
import { type LineCells, lineCells } from '../../src/routing/line/line-cells.ts'
import type { LineOptions, SharedLine } from '../../src/routing/line/line-contract.ts'
import type { LineTicket, LineWaiter } from '../../src/routing/line/line-ticket.ts'
import { laneOf } from '../../src/routing/line/line-ticket.ts'
import { LocalLink } from '../../src/runtime/links/local-link.ts'
import { FakeClock } from './fake-clock.ts'
import { threadStates } from './threads.ts'

/** Limits of a line for tests: room for many, callers take turns, no swaps. */
export function lineOptions(options: Partial<LineOptions> = {}): LineOptions {
  return {
    maxWaiting: 100,
    maxWaitingPerModel: 0,
    maxBytes: 0,
    maxBytesPerModel: 0,
    isFair: true,
    riseMs: 0,
    swapBatch: 0,
    swapBatchWaitMs: 10_000,
    ...options,
  }
}

/** A waiting line of one thread. */
export function ownQueue(clock = new FakeClock(), more: Partial<SharedLine> = {}): SharedLine {
  return { ...ownCells(), clock, link: new LocalLink(assert.fail), random: () => 0.5, ...more }
}

export function ownCells(): LineCells {
  const [state] = threadStates(1)
  return (state ?? assert.fail()).of(lineCells)
}

/** No clock of a machine that runs shows 0. */
export async function startedClock(): Promise<FakeClock> {
  const clock = new FakeClock()
  await clock.advance(1)
  return clock
}

export function ticket(
  settings: Partial<LineTicket> & { readonly slots?: readonly number[] } = {},
): LineTicket {
  const { slots = [1], ...rest } = settings
  const candidates = slots.map((slot) => ({ endpoint: { slot }, nativeModel: 'model' }))
  return {
    id: 'id',
    lane: laneOf([{ candidates }], 'model'),
    flow: 'caller',
    priority: 1,
    weight: 1,
    tokens: 100,
    bytes: 0,
    about: { serial: 1, client: '127.0.0.1', keyId: undefined, session: undefined, model: 'model' },
    ...rest,
  }
}

/** A request for places at some endpoints, which notes that it was woken and leaves the line. */
export function lineWaiter(
  name: string,
  settings: Partial<LineTicket> & { readonly slots?: readonly number[] },
  woken: string[],
): LineWaiter {
  const { slots = [1] } = settings
  const own = ticket({ id: name, ...settings })
  return { ticket: () => own, wants: (slot) => slots.includes(slot), wake: () => void woken.push(name) }
}
