import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Attempt, RequestDetail, TimelineEntry } from '../../dashboard/src/api/types.ts'
import { timelineLanes } from '../../dashboard/src/state/request-timeline.ts'

const attempt = (changes: Partial<Attempt>): Attempt => ({
  endpoint: 'gpu',
  started_ms: 0,
  connected_ms: null,
  first_byte_ms: null,
  ended_ms: 100,
  status: null,
  outcome: 'answered',
  reason: null,
  ...changes,
})

const lanesOf = (attempts: Attempt[], timeline: TimelineEntry[] = [], durationMs = 100) =>
  timelineLanes({ attempts, timeline, duration_ms: durationMs } as unknown as RequestDetail).map(
    ({ label, spans }) => [label, ...spans.map(({ kind, fromMs, toMs }) => `${kind} ${fromMs}-${toMs}`)],
  )

describe('the time of a request', () => {
  it('is the gateway’s, then each attempt’s', () => {
    const lanes = lanesOf(
      [
        attempt({ endpoint: 'gpu-0', started_ms: 5, ended_ms: 8, outcome: 'failed' }),
        attempt({ endpoint: 'gpu-1', started_ms: 10, connected_ms: 12, first_byte_ms: 40, ended_ms: 100 }),
      ],
      [{ name: 'queued', at_ms: 2, endpoint: null }],
    )
    assert.deepEqual(lanes, [
      ['gateway', 'routing 0-2', 'queued 2-5', 'pause 8-10'],
      ['gpu-0', 'connecting 5-5', 'failed 5-8'],
      ['gpu-1', 'connecting 10-12', 'waiting 12-40', 'relaying 40-100'],
    ])
  })

  it('shows how far an abandoned attempt had come', () => {
    assert.deepEqual(lanesOf([attempt({ started_ms: 1, connected_ms: 3, outcome: 'abandoned' })])[1], [
      'gpu',
      'connecting 1-3',
      'waiting 3-100',
    ])
    assert.deepEqual(lanesOf([attempt({ started_ms: 1, outcome: 'abandoned' })])[1], [
      'gpu',
      'connecting 1-100',
    ])
  })

  it("is only the gateway's if no endpoint was tried", () => {
    assert.deepEqual(lanesOf([]), [['gateway', 'routing 0-100']])
  })
})
