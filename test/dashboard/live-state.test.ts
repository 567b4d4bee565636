import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { FeedMessage, GatewayEvent, Hello } from '../../dashboard/src/api/types.ts'
import {
  initialLiveState,
  type LiveState,
  withMessage,
  withSamples,
} from '../../dashboard/src/state/live-state.ts'
import { sampleAt } from './samples.ts'

const now = Date.parse('2026-11-02T10:00:00Z')

const hello = (changes: Partial<Hello> = {}): FeedMessage => ({
  kind: 'hello',
  hello: {
    version: '1.2.3',
    started_at: '2026-11-02T09:00:00.000Z',
    now: '2026-11-02T10:00:03.000Z',
    threads: 1,
    engine: 'olla',
    balancer: 'priority',
    profile: 'auto',
    sample_interval_ms: 2000,
    features: {
      cancel: true,
      playground: true,
      recent_requests: 500,
      login: false,
      keys: false,
      usage: false,
      replicas: false,
      discovery: false,
    },
    last_event_id: null,
    event_types: [],
    ...changes,
  },
})

const event = (id: string): FeedMessage => ({
  kind: 'event',
  event: { id, type: 'endpoint.status', at: '2026-11-02T10:00:00.000Z', data: {} } satisfies GatewayEvent,
})

const after = (...messages: FeedMessage[]): LiveState =>
  messages.reduce((state, message) => withMessage(state, message, now), initialLiveState)

describe('the event stream state', () => {
  it("computes how far the gateway's clock is ahead", () => {
    assert.equal(after(hello()).clockOffsetMs, 3000)
  })

  it('detects a restart, but not a reconnection to the same run', () => {
    assert.equal(after(hello(), hello()).restarts, 0)
    assert.equal(after(hello(), hello({ started_at: '2026-11-02T10:00:01.000Z' })).restarts, 1)
  })

  it('keeps each event once, in order, and drops the oldest', () => {
    const { events } = after(event('a'), event('b'), event('a'), event('c'))
    assert.deepEqual(
      events.map(({ id }) => id),
      ['a', 'b', 'c'],
    )
    const many = after(...Array.from({ length: 1005 }, (_, index) => event(String(index)))).events
    assert.equal(many.length, 1000)
    assert.equal(many[0]?.id, '5')
  })

  it('sums missed events', () => {
    const state = after(
      { kind: 'gap', reason: 'too_old', missed: 37 },
      { kind: 'gap', reason: 'restarted', missed: null },
      { kind: 'bye', reason: 'draining' },
    )
    assert.equal(state.missed, 37)
  })

  it('sorts samples by time, each once, in any order of arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(800), { maxLength: 20 }), { maxLength: 8 }), (batches) => {
        const state = batches.reduce(
          (before, batch) =>
            withSamples(
              before,
              batch.map((seconds) => sampleAt(seconds)),
            ),
          initialLiveState,
        )
        const expected = [...new Set(batches.flat())].sort((a, b) => a - b).map((at) => sampleAt(at).at_ms)
        assert.deepEqual(
          state.samples.map(({ at_ms }) => at_ms),
          expected,
        )
      }),
    )
  })

  it('keeps 15 minutes of samples', () => {
    const all = Array.from({ length: 600 }, (_, index) => sampleAt(index * 2))
    const { samples } = withSamples(initialLiveState, all)
    assert.equal(samples.length, 450)
    assert.deepEqual(samples.at(-1), all.at(-1))
  })
})
