import assert from 'node:assert/strict'
import { it } from 'node:test'
import { sessionReasonText } from '../../../src/observe/explain/explain-session.ts'
import type { SessionDecision, SessionReason } from '../../../src/routing/affinity/session-affinity.ts'
import { routed } from '../../support/exchange.ts'
import { endpoint } from '../stats/fixtures.ts'

function decision(
  reason: SessionReason,
  slots: { target?: number; match?: number; earlier?: number },
): SessionDecision {
  const match = (slot: number | undefined) =>
    slot === undefined ? undefined : { slot, key: slot, messages: 1 }
  return {
    outcome: 'repin',
    reason,
    target: slots.target === undefined ? undefined : routed(endpoint({ slot: slots.target })),
    match: match(slots.match),
    earlier: match(slots.earlier),
  }
}

it('explains for each endpoint what the session means to it', () => {
  const bound = decision('bound', { target: 1, match: 1 })
  assert.equal(sessionReasonText(bound, 1), 'its session is bound here')
  assert.equal(sessionReasonText(bound, 0), undefined)
  const fresh = decision('shared_head', { target: 1 })
  assert.equal(sessionReasonText(fresh, 1), 'its tools and system prompt are cached here')
  const moved = decision('over_bound', { target: 2, match: 1, earlier: 2 })
  assert.equal(sessionReasonText(moved, 2), 'an earlier turn of its conversation was served here')
  assert.match(sessionReasonText(moved, 1) ?? '', /bound here, but the endpoint exceeds its share/)
  const shared = decision('not_in_memory', { target: 2, match: 1, earlier: 0 })
  assert.equal(sessionReasonText(shared, 2), 'its tools and system prompt are cached here')
  assert.match(sessionReasonText(shared, 1) ?? '', /has been unloaded/)
  assert.equal(sessionReasonText(shared, 0), undefined)
})
