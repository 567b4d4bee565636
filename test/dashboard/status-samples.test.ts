import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EndpointsView, StatusView } from '../../dashboard/src/api/types.ts'
import { type CounterReading, sampleBetween } from '../../dashboard/src/state/status-samples.ts'

interface Counters {
  readonly requests: number
  readonly failures?: number
  readonly clientClosed?: number
}

function reading(seconds: number, { requests, failures = 0, clientClosed = 0 }: Counters): CounterReading {
  const system = {
    total_requests: requests,
    total_failures: failures,
    client_closed: clientClosed,
    active_connections: 3,
  }
  const endpoint = { id: 'a', request_count: requests, failures, in_flight: 3 }
  return {
    atMs: seconds * 1000,
    startedAt: 'once',
    status: { system } as StatusView,
    endpoints: { endpoints: [endpoint] } as unknown as EndpointsView,
  }
}

describe('a sample computed from two readings of the status routes', () => {
  it('is the difference of their counters', () => {
    const sample = sampleBetween(
      reading(10, { requests: 100, failures: 2, clientClosed: 1 }),
      reading(15, { requests: 110, failures: 3, clientClosed: 3 }),
    )
    assert.equal(sample?.interval_ms, 5000)
    assert.equal(sample?.requests, 10)
    assert.equal(sample?.failures, 1)
    assert.equal(sample?.client_closed, 2)
    assert.equal(sample?.successes, 7)
    assert.equal(sample?.in_flight, 3)
    assert.deepEqual(sample?.endpoints, { a: [3, 10, 1, null] })
  })

  it('is skipped over a restart, decreasing counters or a long pause', () => {
    const before = reading(10, { requests: 100 })
    assert.equal(sampleBetween(before, { ...reading(15, { requests: 200 }), startedAt: 'again' }), undefined)
    assert.equal(sampleBetween(before, reading(15, { requests: 4 })), undefined)
    assert.equal(sampleBetween(before, reading(41, { requests: 200 })), undefined)
    assert.equal(sampleBetween(before, reading(10, { requests: 100 })), undefined)
  })
})
