import assert from 'node:assert/strict'
import { Gauge } from '../../src/kernel/cells/gauge.ts'
import type { SharedQueue } from '../../src/routing/selection/capacity-queue.ts'
import { LocalLink } from '../../src/runtime/links/local-link.ts'
import { FakeClock } from './fake-clock.ts'

/** A waiting line of one thread. */
export function ownQueue(clock = new FakeClock()): SharedQueue {
  return { waiting: new Gauge(1), oldestMs: new Float64Array(1), clock, link: new LocalLink(assert.fail) }
}
