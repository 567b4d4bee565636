import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readyView } from '../../../src/stats/views/health.ts'

for (const [source, status, reason] of [
  [{ draining: false, routable: 1, total: 3 }, 'ready', 'serving'],
  [{ draining: true, routable: 3, total: 3 }, 'not_ready', 'draining'],
  [{ draining: false, routable: 0, total: 3 }, 'not_ready', 'no endpoint is routable'],
  [{ draining: false, routable: 0, total: 0 }, 'not_ready', 'no endpoints are configured'],
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
