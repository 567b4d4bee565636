import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AttemptFailure } from '../../../src/endpoints/connections/failure.ts'
import { type Evidence, failureEvidence, statusEvidence } from '../../../src/endpoints/resilience/evidence.ts'

describe('what a status is evidence of', () => {
  const cases: readonly (readonly [number, Evidence['about'], Evidence['counted'], Evidence['repeated']])[] =
    [
      [200, 'nothing', 'never', 'never'],
      [400, 'request', 'failure_statuses', 'never'],
      [404, 'path', 'never', 'never'],
      [405, 'path', 'never', 'never'],
      [413, 'request', 'failure_statuses', 'never'],
      [429, 'model', 'failure_statuses', 'rounds'],
      [500, 'model', 'failure_statuses', 'never'],
      [501, 'path', 'never', 'never'],
      [502, 'model', 'failure_statuses', 'once'],
      [503, 'model', 'failure_statuses', 'rounds'],
      [504, 'model', 'failure_statuses', 'never'],
      [529, 'model', 'failure_statuses', 'rounds'],
    ]
  for (const [status, about, counted, repeated] of cases) {
    it(`${status}: the ${about}`, () => {
      const evidence = statusEvidence(status)
      assert.deepEqual([evidence.about, evidence.counted, evidence.repeated], [about, counted, repeated])
    })
  }
})

describe('what a failed attempt is evidence of', () => {
  const cases: readonly (readonly [AttemptFailure, Evidence['about'], Evidence['credited']])[] = [
    [{ kind: 'refused' }, 'endpoint', 'at_once'],
    [{ kind: 'unreachable' }, 'endpoint', 'at_once'],
    [{ kind: 'dns' }, 'endpoint', 'at_once'],
    [{ kind: 'tls' }, 'endpoint', 'at_once'],
    [{ kind: 'connect_timeout' }, 'endpoint', 'at_once'],
    [{ kind: 'reset' }, 'endpoint', 'when_disproved'],
    [{ kind: 'closed' }, 'endpoint', 'when_disproved'],
    [{ kind: 'protocol' }, 'endpoint', 'when_disproved'],
    [{ kind: 'first_byte_timeout' }, 'model', 'when_disproved'],
    [{ kind: 'idle_timeout' }, 'model', 'when_disproved'],
    [{ kind: 'bad_answer' }, 'model', 'when_disproved'],
    [{ kind: 'status', statusCode: 500 }, 'model', 'when_disproved'],
    [{ kind: 'path_missing', statusCode: 404 }, 'path', 'at_once'],
    [{ kind: 'stale' }, 'nothing', 'at_once'],
    [{ kind: 'total_timeout' }, 'nothing', 'at_once'],
  ]
  for (const [failure, about, credited] of cases) {
    it(`${failure.kind}: the ${about}, ${credited}`, () => {
      const evidence = failureEvidence(failure)
      assert.deepEqual([evidence.about, evidence.credited], [about, credited])
    })
  }
})
