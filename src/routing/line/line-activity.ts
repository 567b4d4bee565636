import type { Clock } from '../../kernel/clock.ts'
import type { EventBus } from '../../runtime/events/bus.ts'
import type { LineWatch } from './line-contract.ts'
import type { LineReason } from './line-ticket.ts'

/** At most one event in this time. */
const intervalMs = 1_000

/** Reports requests that began to wait, left, or were refused, in one event for all of a second. */
export function lineActivity(
  clock: Pick<Clock, 'after'>,
  events: Pick<EventBus, 'publish'>,
  waiting: () => number,
): LineWatch {
  let entered = 0
  let served = 0
  let left = 0
  let longestMs = 0
  let isArmed = false
  const refused = new Map<LineReason, number>()
  const report = () => {
    isArmed = false
    const reasons = Object.fromEntries(refused)
    const total = [...refused.values()].reduce((sum, count) => sum + count, 0)
    const longestWaitMs = Math.round(longestMs)
    events.publish('queue.activity', {
      entered,
      served,
      left,
      refused: total,
      reasons,
      longestWaitMs,
      waiting: waiting(),
    })
    entered = 0
    served = 0
    left = 0
    longestMs = 0
    refused.clear()
  }
  const happened = () => {
    if (isArmed) return
    isArmed = true
    clock.after(intervalMs, report)
  }
  return {
    entered() {
      entered++
      happened()
    },
    left(_ticket, waitedMs, slot) {
      if (slot === undefined) left++
      else served++
      longestMs = Math.max(longestMs, waitedMs)
      happened()
    },
    refused(_ticket, reason) {
      refused.set(reason, (refused.get(reason) ?? 0) + 1)
      happened()
    },
  }
}

/** @param second called after the first */
export function joinWatches(first: LineWatch, second: LineWatch | undefined): LineWatch {
  if (second === undefined) return first
  return {
    ...first,
    entered(waiter, ticket) {
      first.entered?.(waiter, ticket)
      second.entered?.(waiter, ticket)
    },
  }
}
