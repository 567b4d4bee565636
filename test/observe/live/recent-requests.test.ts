import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { pathOf, RecentRequests } from '../../../src/observe/live/recent-requests.ts'
import { recentDetail, recentRow } from '../../../src/observe/live/recent-view.ts'
import { matches, readFilter } from '../../../src/observe/live/request-filter.ts'
import type { RequestContext } from '../../../src/proxy/contract/context.ts'
import type { RequestOutcome } from '../../../src/proxy/contract/outcome.ts'
import { requestContext } from '../../support/request-context.ts'

/** A ring that holds one request. */
function kept(fields: Partial<RequestContext>, outcome: RequestOutcome = 'success', durationMs = 100) {
  const ring = new RecentRequests(1)
  ring.add(requestContext(fields), outcome, 1_700_000_000_000, durationMs)
  const [request] = ring.newest()
  if (request === undefined) throw new Error('nothing was kept')
  return request
}

const failed = (endpoint: string, startedMs: number, durationMs: number) => ({
  endpoint,
  startedMs,
  sentMs: undefined,
  statusCode: undefined,
  durationMs,
  reason: 'connection refused',
})

describe('recent requests', () => {
  it('are limited in number, newest first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.nat(40), (capacity, count) => {
        const ring = new RecentRequests(capacity)
        for (let serial = 1; serial <= count; serial++) {
          ring.add(requestContext({ serial }), 'success', serial, 1)
        }
        const serials = [...ring.newest()].map(({ serial }) => serial)
        const expected = Array.from({ length: Math.min(capacity, count) }, (_, age) => count - age)
        assert.deepEqual(serials, expected)
        assert.equal(ring.size, expected.length)
      }),
    )
  })

  it('keep nothing of the previous request in their slot', () => {
    const ring = new RecentRequests(1)
    ring.add(
      requestContext({
        model: 'm',
        endpoint: 'e',
        status: 502,
        error: 'upstream_failed',
        promptTokens: 3,
        firstByteMs: 2,
      }),
      'failure',
      1,
      1,
    )
    ring.add(requestContext({ url: '/v1/other' }), 'client_closed', 2, 1)
    const [request] = ring.newest()
    assert.ok(request)
    const row = recentRow(request, 'id', 0)
    assert.deepEqual(
      [row.model, row.endpoint, row.status, row.error, row.prompt_tokens, row.first_byte_ms],
      [null, null, null, null, null, null],
    )
  })

  it('contain no query and no long text', () => {
    assert.equal(pathOf('/v1/chat?key=secret'), '/v1/chat')
    assert.equal(pathOf(`/v1/${'x'.repeat(5_000)}?a`).length, 256)
    assert.equal(kept({ model: 'm'.repeat(5_000) }).model?.length, 256)
    const attempts = Array.from({ length: 100 }, (_, index) => failed(`e${index}`, index, 1))
    assert.equal(kept({ attempts }).failedAttempts.length, 20)
  })
})

describe('the timeline of a request', () => {
  const names = (request: ReturnType<typeof kept>) =>
    recentDetail(request, 'id', 0).timeline.map(({ name, at_ms, endpoint }) => [name, at_ms, endpoint])

  it('shows an answer after another endpoint had failed', () => {
    const request = kept({
      routedMs: 0.25,
      attempts: [failed('a', 0.4, 1.6)],
      attemptCount: 2,
      attemptMs: 2.2,
      sentMs: 3,
      firstByteMs: 50,
      endpoint: 'b',
      lastEndpoint: 'b',
      status: 200,
      answer: figures({ firstTokenMs: 60 }),
    })
    assert.deepEqual(names(request), [
      ['received', 0, null],
      ['routed', 0.3, null],
      ['attempt', 0.4, 'a'],
      ['attempt_failed', 2, 'a'],
      ['attempt', 2.2, 'b'],
      ['sent', 3, 'b'],
      ['first_byte', 50, 'b'],
      ['first_token', 60, 'b'],
      ['last_byte', 100, 'b'],
    ])
    assert.deepEqual(
      recentDetail(request, 'id', 0).attempts.map(({ endpoint, outcome, reason, ended_ms }) => [
        endpoint,
        outcome,
        reason,
        ended_ms,
      ]),
      [
        ['a', 'failed', 'connection refused', 2],
        ['b', 'answered', null, 100],
      ],
    )
  })

  it('shows a wait, and a client that disconnected', () => {
    const request = kept(
      { routedMs: 1, queuedMs: 20, attemptCount: 1, attemptMs: 21, sentMs: 22, lastEndpoint: 'a' },
      'client_closed',
      40,
    )
    assert.deepEqual(names(request), [
      ['received', 0, null],
      ['routed', 1, null],
      ['queued', 1, null],
      ['attempt', 21, 'a'],
      ['sent', 22, 'a'],
      ['client_closed', 40, null],
    ])
    assert.equal(recentDetail(request, 'id', 0).attempts[0]?.outcome, 'abandoned')
  })

  it('shows an unsuccessful wait', () => {
    const request = kept({ routedMs: 1, queuedMs: 30, status: 503, error: 'at_capacity' }, 'failure', 31)
    assert.deepEqual(names(request), [
      ['received', 0, null],
      ['routed', 1, null],
      ['queued', 1, null],
      ['failed', 31, null],
    ])
  })

  it('shows a model that no endpoint has', () => {
    const request = kept({ status: 404, error: 'model_not_found' }, 'rejection', 1)
    assert.deepEqual(names(request), [
      ['received', 0, null],
      ['rejected', 1, null],
    ])
  })

  it('shows a broken answer', () => {
    const request = kept(
      {
        attempts: [{ ...failed('a', 1, 80), sentMs: 2, statusCode: 200, reason: 'the connection was reset' }],
        attemptCount: 1,
        attemptMs: 1,
        sentMs: 2,
        firstByteMs: 10,
        endpoint: 'a',
        lastEndpoint: 'a',
        status: 200,
        error: 'upstream_broken',
      },
      'failure',
      81,
    )
    assert.deepEqual(names(request), [
      ['received', 0, null],
      ['attempt', 1, 'a'],
      ['sent', 2, 'a'],
      ['first_byte', 10, 'a'],
      ['attempt_failed', 81, 'a'],
      ['failed', 81, 'a'],
    ])
  })

  it('is in order of time and ends once, in every case', () => {
    const times = fc.array(fc.double({ min: 0, max: 1_000, noNaN: true }), { minLength: 6, maxLength: 6 })
    fc.assert(
      fc.property(
        times,
        fc.constantFrom<RequestOutcome>('success', 'rejection', 'failure', 'client_closed', 'cancelled'),
        fc.boolean(),
        (unsorted, outcome, isQueued) => {
          const [routedMs = 0, attemptMs = 0, sentMs = 0, firstByteMs = 0, firstTokenMs = 0, durationMs = 0] =
            [...unsorted].sort((a, b) => a - b)
          const request = kept(
            {
              routedMs,
              queuedMs: isQueued ? attemptMs - routedMs : undefined,
              attemptCount: 1,
              attemptMs,
              sentMs,
              firstByteMs,
              endpoint: 'a',
              lastEndpoint: 'a',
              status: 200,
              answer: figures({ firstTokenMs }),
            },
            outcome,
            durationMs,
          )
          const { timeline } = recentDetail(request, 'id', 0)
          const at = timeline.map(({ at_ms }) => at_ms)
          assert.deepEqual(
            at,
            [...at].sort((a, b) => a - b),
          )
          assert.equal(timeline[0]?.name, 'received')
          const ends = ['last_byte', 'failed', 'rejected', 'client_closed', 'cancelled']
          assert.deepEqual(
            timeline.flatMap(({ name }, index) => (ends.includes(name) ? [index] : [])),
            [timeline.length - 1],
          )
        },
      ),
    )
  })
})

describe('a filter of requests', () => {
  const request = kept(
    {
      model: 'Llama3',
      endpoint: 'b',
      lastEndpoint: 'b',
      attempts: [failed('a', 0, 1)],
      attemptCount: 2,
      status: 502,
      clientAddress: '10.0.0.7',
    },
    'failure',
  )
  const cases: [Record<string, string>, boolean][] = [
    [{}, true],
    [{ model: 'llama3' }, true],
    [{ model: 'llama' }, false],
    [{ endpoint: 'b' }, true],
    [{ endpoint: 'a' }, true],
    [{ endpoint: 'c' }, false],
    [{ outcome: 'failure,cancelled' }, true],
    [{ outcome: 'success' }, false],
    [{ status: '502' }, true],
    [{ status: '5xx' }, true],
    [{ status: '4xx' }, false],
    [{ client: '10.0.0.7' }, true],
    [{ client: '10.0.0.8' }, false],
    [{ since: '1700000000000' }, true],
    [{ since: '2023-11-14T22:13:20.000Z' }, true],
    [{ since: '1700000000001' }, false],
    [{ failover: 'true' }, true],
    [{ model: 'llama3', status: '200' }, false],
  ]
  for (const [query, expected] of cases) {
    it(`${expected ? 'includes' : 'excludes'} the request for ${JSON.stringify(query)}`, () => {
      const filter = readFilter(query)
      assert.ok(typeof filter !== 'string')
      assert.equal(matches(filter, request), expected)
    })
  }

  const wrong: Record<string, string>[] = [
    { outcome: 'good' },
    { status: '6xx' },
    { status: 'x' },
    { since: 'yesterday' },
    { limit: '0' },
    { limit: '1001' },
    { limit: 'x' },
  ]
  for (const query of wrong) {
    it(`rejects ${JSON.stringify(query)}`, () => {
      assert.equal(typeof readFilter(query), 'string')
    })
  }
})

function figures(
  fields: Partial<NonNullable<RequestContext['answer']>>,
): NonNullable<RequestContext['answer']> {
  return {
    contentEvents: 0,
    isCounted: true,
    firstTokenMs: undefined,
    interTokenMs: undefined,
    interTokenMaxMs: undefined,
    generationMs: undefined,
    tokensPerSecond: undefined,
    cachedTokens: undefined,
    loadMs: undefined,
    promptMs: undefined,
    ...fields,
  }
}
