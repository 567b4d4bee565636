import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readyView } from '../../../src/observe/views/health.ts'

for (const [source, status, reason] of [
  [
    { draining: false, routable: 1, able: 1, total: 3, isListed: true, isPausing: false, knowsCallers: true },
    'ready',
    'serving',
  ],
  [
    { draining: true, routable: 3, able: 3, total: 3, isListed: true, isPausing: false, knowsCallers: true },
    'not_ready',
    'draining',
  ],
  [
    { draining: false, routable: 0, able: 0, total: 3, isListed: true, isPausing: true, knowsCallers: true },
    'not_ready',
    'no endpoint is routable',
  ],
  [
    { draining: false, routable: 0, able: 2, total: 3, isListed: true, isPausing: false, knowsCallers: true },
    'ready',
    'serving, although the probes of all endpoints fail',
  ],
  [
    { draining: false, routable: 0, able: 0, total: 0, isListed: true, isPausing: true, knowsCallers: true },
    'not_ready',
    'no endpoints are configured',
  ],
  [
    {
      draining: false,
      routable: 1,
      able: 1,
      total: 3,
      isListed: false,
      isPausing: false,
      knowsCallers: true,
    },
    'not_ready',
    'the models are still unknown',
  ],
  [
    { draining: false, routable: 1, able: 1, total: 3, isListed: true, isPausing: true, knowsCallers: true },
    'not_ready',
    'all endpoints have requested a pause',
  ],
  [
    {
      draining: false,
      routable: 1,
      able: 1,
      total: 3,
      isListed: true,
      isPausing: false,
      knowsCallers: false,
    },
    'not_ready',
    'the store of callers has not been read yet',
  ],
] as const) {
  it(`is ${status} with ${JSON.stringify(source)}`, () => {
    assert.deepEqual(readyView(source), {
      status,
      reason,
      routable_endpoints: source.routable,
      total_endpoints: source.total,
    })
  })
}
