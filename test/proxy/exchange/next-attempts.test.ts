import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { RetryPolicy, type RetryPolicyOptions } from '../../../src/endpoints/resilience/retry-policy.ts'
import { answerWith, createExchanges, type SentAttempt } from '../../support/exchange.ts'

const ok = ['Content-Type', 'application/json', 'Content-Length', '14']
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

function create(
  t: TestContext,
  priorities: readonly number[],
  retries: Partial<RetryPolicyOptions> = {},
  failoverStatuses: readonly number[] = [500, 503],
) {
  const created = createExchanges(
    t,
    priorities.map((priority) => ({ priority })),
  )
  const { sent, begin } = created
  const services = {
    ...created.services,
    options: {
      ...created.services.options,
      queue: { ...created.services.options.queue, maxWaiting: 10, maxWaitMs: 10_000 },
      failoverStatuses: new Set(failoverStatuses),
    },
    retries: new RetryPolicy({ maxRetries: 0, random: () => 0, ...retries }),
  }
  /** Slots of all attempts; the last one is in flight. */
  const slots = () => sent.map(({ attempt }) => attempt.target.endpoint.slot)
  const last = () => sent.at(-1) ?? assert.fail('nothing was sent')
  /** Plays one answer for each attempt until no other one follows. */
  async function all(answer: (attempt: SentAttempt) => void) {
    for (let answered = 0; answered < sent.length; answered++) {
      const attempt = sent[answered]
      if (attempt !== undefined) answer(attempt)
      await settled()
    }
  }
  return { ...created, services, slots, last, all, start: () => begin({}, services) }
}

const fails = (status: number) => (attempt: SentAttempt) =>
  answerWith(attempt, status, ['Content-Length', '0'])

describe('the last attempts of a request', () => {
  const rows: readonly (readonly [title: string, priorities: readonly number[], asked: readonly number[]])[] =
    [
      ['endpoints of one priority in order', [9, 9, 9, 9, 9, 9, 9], [9, 9, 9, 9, 9, 9]],
      ['the only endpoint of another priority', [9, 9, 9, 9, 9, 9, 9, 1], [9, 9, 9, 9, 9, 1]],
      ['endpoints of two other priorities', [9, 9, 9, 9, 9, 9, 5, 1], [9, 9, 9, 9, 5, 1]],
      ['all of a few endpoints, in order', [9, 9, 5, 1], [9, 9, 5, 1]],
    ]
  for (const [title, priorities, asked] of rows) {
    it(`reach ${title}`, async (t) => {
      const { all, sent, start } = create(t, priorities)
      await start()
      await all(fails(500))
      assert.deepEqual(
        sent.map(({ attempt }) => attempt.target.endpoint.priority),
        asked,
      )
    })
  }
})

describe('a request that finds every endpoint busy', () => {
  for (const [endpoints, waitsMs] of [
    [1, [250, 500, 1_000]],
    [2, [250, 0, 500, 1_000]],
    [3, [250, 500, 1_000]],
    [4, [500, 1_000]],
    [5, [1_000]],
  ] as const) {
    it(`spreads its remaining attempts over time: ${endpoints}`, async (t) => {
      const { all, clock, sent, slots, start } = create(t, Array<number>(endpoints).fill(1), {
        maxRetries: 3,
      })
      await start()
      await all(fails(503))
      assert.equal(sent.length, endpoints)
      const begunMs: number[] = []
      let beforeMs = clock.monotonicMs()
      for (let step = 0; step < 100; step++) {
        const before = sent.length
        await clock.advance(25)
        for (let at = before; at < sent.length; at++) {
          begunMs.push(clock.monotonicMs() - beforeMs)
          beforeMs = clock.monotonicMs()
          const attempt = sent[at]
          if (attempt !== undefined) fails(503)(attempt)
          await settled()
        }
      }
      assert.deepEqual(begunMs, waitsMs)
      assert.ok(slots().length <= 6)
    })
  }
})

describe('the retry budget', () => {
  it('always allows the first failover, and limits further ones', async (t) => {
    const { all, services, sent, start } = create(t, [1, 1, 1], { retryBudget: { burst: 1, ratio: 0 } })
    services.retries.spend()
    await start()
    await all(fails(500))
    assert.equal(sent.length, 2)
    assert.equal(services.retries.refused, 1)
  })
})

describe('an invalid answer', () => {
  const login = ['Location', 'https://login.example/', 'Content-Length', '0']
  for (const [title, status, headers] of [
    ['a redirect to another address', 302, login],
    ['a redirect that keeps the method', 307, login],
    ['204', 204, []],
  ] as const) {
    it(`fails over to the next endpoint: ${title}`, async (t) => {
      const { all, sent, start } = create(t, [2, 1])
      const { answer } = await start()
      await all((attempt) =>
        attempt.attempt.target.endpoint.slot === 0
          ? answerWith(attempt, status, [...headers])
          : answerWith(attempt, 200, ok, '{"choices":[]}'),
      )
      assert.equal((await answer).status, 200)
      assert.equal(sent.length, 2)
    })
  }

  it('reaches the client if it is a redirect and no other endpoint can answer', async (t) => {
    const { all, start } = create(t, [1])
    const { answer } = await start()
    answer.catch(() => {})
    await all((attempt) => answerWith(attempt, 302, ['Content-Length', '0']))
    assert.equal((await answer).status, 302)
  })
})

describe('an endpoint that lacks the path', () => {
  for (const [title, kinds, code] of [
    ['alone', [404], 'path_not_served'],
    ['if another one is unreachable', [404, 'ECONNREFUSED'], 'upstream_failed'],
    ['after an unreachable one', ['ECONNREFUSED', 404], 'upstream_failed'],
    ['after a broken connection', ['ECONNRESET', 404], 'upstream_failed'],
  ] as const) {
    it(`${code === 'upstream_failed' ? 'does not answer' : 'answers'} ${title}`, async (t) => {
      const { all, start } = create(
        t,
        kinds.map((_, at) => 9 - at),
      )
      const { failed } = await start()
      await all((attempt) => {
        const kind = kinds[attempt.attempt.target.endpoint.slot]
        if (kind === 404) {
          answerWith(
            attempt,
            404,
            ['Content-Type', 'application/json', 'Content-Length', '22'],
            '{"detail":"Not Found"}',
          )
        } else attempt.attempt.onError(Object.assign(new Error('x'), { code: kind }))
      })
      assert.equal(failed[0]?.code, code)
    })
  }
})
