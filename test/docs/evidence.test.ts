import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { AttemptFailure, FailureKind } from '../../src/endpoints/connections/failure.ts'
import { failureEvidence } from '../../src/endpoints/resilience/evidence.ts'

const page = readFileSync(new URL('../../docs/design/evidence.md', import.meta.url), 'utf8')

/** Every kind has to stand here: a new one does not compile without. */
const kinds: Readonly<Record<Exclude<FailureKind, 'status'>, true>> = {
  refused: true,
  unreachable: true,
  dns: true,
  tls: true,
  connect_timeout: true,
  reset: true,
  closed: true,
  protocol: true,
  stale: true,
  shortage: true,
  first_byte_timeout: true,
  idle_timeout: true,
  total_timeout: true,
  bad_answer: true,
  path_missing: true,
}
const statuses = [
  400, 401, 403, 404, 405, 413, 422, 429, 500, 501, 502, 503, 504, 507, 508, 521, 524, 529, 530,
]

/** Rows of the table by fact; without the last column. */
const rows = new Map(
  page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [fact = '', ...cells] = line
        .split('|')
        .slice(1, -2)
        .map((cell) => cell.trim().replaceAll('`', ''))
      return [fact, cells] as const
    }),
)

describe('the table in docs/design/evidence.md', () => {
  const facts: [string, AttemptFailure][] = [
    ...Object.keys(kinds).map((kind): [string, AttemptFailure] => [kind, { kind: kind as FailureKind }]),
    ...statuses.map((statusCode): [string, AttemptFailure] => [
      `status ${statusCode}`,
      { kind: 'status', statusCode },
    ]),
  ]
  for (const [fact, failure] of facts) {
    it(`matches the code on ${fact}`, () => {
      const { about, counted, credited, movesOn, repeated } = failureEvidence(failure)
      assert.deepEqual(rows.get(fact), [about, counted, credited, movesOn, repeated])
    })
  }

  it('has no other rows', () => {
    assert.deepEqual(new Set(rows.keys()), new Set(facts.map(([fact]) => fact)))
  })
})
