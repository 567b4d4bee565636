import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noLimits } from '../../../src/callers/contract/defaults.ts'
import { noChange } from '../../../src/callers/directory/directory-data.ts'
import type { KnownCaller } from '../../../src/callers/directory/known-caller.ts'
import { CallerLimiter } from '../../../src/callers/limits/caller-limiter.ts'
import { Estimates } from '../../../src/callers/limits/estimates.ts'
import { callerLimitCells } from '../../../src/callers/limits/limit-cells.ts'
import { LimitWindows } from '../../../src/callers/limits/limit-plan.ts'
import type { LimitWarning } from '../../../src/callers/limits/limit-warning.ts'
import { SavedAmounts } from '../../../src/callers/limits/saved-amounts.ts'
import { PriceTable } from '../../../src/callers/prices/price-table.ts'
import type { Limits } from '../../../src/config/schema/callers-schema.ts'
import { inspectRequest } from '../../../src/dialects/requests/inspect.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import type { RequestContext } from '../../../src/proxy/contract/context.ts'
import type { RequestRecord } from '../../../src/proxy/contract/request-record.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { requestContext } from '../../support/request-context.ts'

const path = '/v1/chat/completions'

function callerWith(limits: Partial<Limits>): KnownCaller {
  return {
    keyId: 'key_1',
    keyName: 'ci',
    owner: undefined,
    team: undefined,
    access: undefined,
    parameters: undefined,
    priority: 'normal',
    weight: 1,
    entry: [],
    subjects: [{ kind: 'key', id: 'key_1', limits: { ...noLimits, ...limits } }],
  }
}

function start(limits: Partial<Limits>, { zone = 'UTC', startMs = Date.parse('2027-01-31T12:00:00Z') } = {}) {
  const clock = new FakeClock(startMs)
  const cells = new SharedState().of(callerLimitCells)
  const warnings: LimitWarning[] = []
  const limiter = new CallerLimiter({
    clock,
    cells,
    estimates: new Estimates((text) => Math.ceil(text.length / 4)),
    prices: new PriceTable([
      { models: ['m'], input: 1, cached_input: 0.1, output: 2, request: 0.5, audio_second: 0 },
    ]),
    zone,
    onWarning: (warning) => warnings.push(warning),
  })
  const caller = callerWith(limits)
  const reserve = (fields: Readonly<Record<string, unknown>> = {}) => {
    const context = requestContext({ sentMs: 1 })
    const body = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 10, messages: [], ...fields }))
    const inspection = inspectRequest(body, 'application/json', path)
    const routing = { decision: 'routed', reason: '', strategy: '', candidates: [], tiers: [] } as never
    limiter.reserve(context, caller, { path, body, inspection, routing })
    return context
  }
  const settle = (context: RequestContext, record: Partial<RequestRecord> = {}) =>
    limiter.settle(context, {
      endpointSlot: 0,
      model: 'm',
      outcome: 'success',
      status: 200,
      requestBytes: 100,
      responseBytes: 100,
      durationMs: 1,
      firstByteMs: 1,
      promptTokens: 5,
      completionTokens: 5,
      completedAtMs: 0,
      ...record,
    })
  const refusal = (fields: Readonly<Record<string, unknown>> = {}): GatewayError => {
    try {
      reserve(fields)
    } catch (error) {
      if (error instanceof GatewayError) return error
    }
    throw new Error('not refused')
  }
  return { clock, cells, limiter, caller, reserve, settle, refusal, warnings }
}

const noTokens = { prompt: 0, completion: 0, total: 0 }
const budget = (fields: Partial<Limits['budgets'][number]>) => ({
  budgets: [
    {
      amount: 100,
      unit: 'tokens' as const,
      period: 'month' as const,
      window: 'calendar' as const,
      soft: 0,
      ...fields,
    },
  ],
})

describe('the limiter of a thread', () => {
  for (const [name, limits, fields] of [
    ['requests per minute', { requests_per_minute: 2 }, {}],
    ['tokens per minute', { tokens_per_minute: { prompt: 0, completion: 20, total: 0 } }, {}],
    ['tokens per day', { tokens_per_day: { prompt: 0, completion: 20, total: 0 } }, {}],
    ['a rolling hour', budget({ amount: 27, period: 'hour', window: 'rolling' }), {}],
    ['a calendar month', budget({ amount: 27 }), {}],
    ['a rolling month', budget({ amount: 27, window: 'rolling' }), {}],
  ] as const) {
    it(`allows a request again after the time in Retry-After, and not long before: ${name}`, async () => {
      const { clock, reserve, refusal } = start(limits)
      await clock.advance(123_456)
      reserve(fields)
      await clock.advance(1_000)
      reserve(fields)
      const { retryAfterSeconds = 0 } = refusal(fields)
      await clock.advance((retryAfterSeconds - 2) * 1_000)
      refusal(fields)
      await clock.advance(2_000)
      reserve(fields)
    })
  }

  for (const [name, limits, fields, counted, window] of [
    ['requests per minute', { requests_per_minute: 4 }, {}, 'requests', 'minute rolling'],
    [
      'tokens per minute',
      { tokens_per_minute: { ...noTokens, completion: 40 } },
      {},
      'completion',
      'minute rolling',
    ],
    ['tokens per day', { tokens_per_day: { ...noTokens, completion: 40 } }, {}, 'completion', 'day rolling'],
  ] as const) {
    it(`warns once for a window when a soft share is reached, and once when it refuses: ${name}`, async () => {
      const { clock, reserve, refusal, warnings } = start({ ...limits, soft: 0.75 })
      const header = (context: RequestContext) => {
        const at = context.headers.indexOf('X-Olla-Limit-Warning')
        return at < 0 ? undefined : context.headers[at + 1]
      }
      const [period = ''] = window.split(' ')
      assert.deepEqual(
        [1, 2, 3, 4].map(() => header(reserve(fields))),
        [undefined, undefined, `key; ${counted}; ${period}; 75%`, `key; ${counted}; ${period}; 100%`],
      )
      refusal(fields)
      refusal(fields)
      const shown = () =>
        warnings.map(({ state, isBudget, counted: what, window: of }) => [state, isBudget, what, of])
      const once = [
        ['soft', false, counted, window],
        ['reached', false, counted, window],
      ]
      assert.deepEqual(shown(), once)
      // In the next window it may warn again.
      await clock.advance(2 * (period === 'minute' ? 60_000 : 86_400_000))
      for (let count = 0; count < 4; count++) reserve(fields)
      assert.deepEqual(shown(), [...once, ['soft', false, counted, window]])
    })
  }

  it('gives no warning of a rate without a soft share', () => {
    const { reserve, refusal, warnings } = start({ requests_per_minute: 1 })
    assert.ok(!reserve().headers.includes('X-Olla-Limit-Warning'))
    refusal()
    assert.deepEqual(warnings, [])
  })

  it('begins a month in its own time zone', async () => {
    const { clock, reserve, refusal } = start(budget({ amount: 14 }), {
      zone: 'America/New_York',
      startMs: Date.parse('2027-02-01T04:59:59Z'),
    })
    reserve()
    assert.equal(refusal().code, 'insufficient_quota')
    await clock.advance(1_000)
    reserve()
  })

  for (const [name, record, expected] of [
    ['what the endpoint reports', {}, [5, 5]],
    [
      'nothing for an error',
      { status: 500, outcome: 'failure', promptTokens: undefined, completionTokens: undefined },
      [0, 0],
    ],
    [
      'the prompt and what came before a client left',
      { outcome: 'client_closed', promptTokens: undefined, completionTokens: 3 },
      [3, 3],
    ],
    [
      'the prompt and what came before a stream broke',
      { outcome: 'failure', promptTokens: undefined, completionTokens: 2 },
      [3, 2],
    ],
    ['the prompt if nothing was generated', { completionTokens: 0 }, [5, 0]],
  ] as const) {
    it(`settles by ${name}`, () => {
      const { reserve, settle, refusal, limiter } = start(budget({ amount: 100, period: 'ever' }))
      const use = settle(reserve(), record)
      assert.deepEqual([use.promptTokens, use.completionTokens], expected)
      const [prompt, completion] = expected
      reserve({ max_tokens: 97 - prompt - completion })
      refusal({ max_tokens: 1 })
      assert.equal(limiter.settle(requestContext(), {} as RequestRecord).promptTokens, 0, 'without a charge')
    })
  }

  it('settles a request once, and gives back all of one that was never sent', () => {
    const { reserve, settle, limiter, refusal } = start({
      ...budget({ amount: 20, period: 'ever' }),
      max_concurrent: 1,
    })
    const context = reserve()
    assert.equal(refusal().code, 'rate_limit_exceeded', 'the slot')
    limiter.release(context)
    limiter.release(context)
    settle(context)
    const next = reserve({ max_tokens: 17 })
    settle(next, { promptTokens: 10, completionTokens: 10 })
    settle(next)
    assert.equal(refusal({ max_tokens: 0 }).code, 'insufficient_quota')
  })

  it('gives back the rows of a caller without requests, and finds what it has used again', async () => {
    const { clock, cells, limiter, reserve, settle, refusal } = start({
      ...budget({ amount: 20 }),
      max_concurrent: 1,
    })
    const context = reserve()
    await clock.advance(600_000)
    limiter.giveBackRows()
    assert.equal(cells.holders.total(), 2, 'a request is in progress')
    settle(context)
    limiter.giveBackRows()
    assert.equal(cells.holders.total(), 0)
    assert.equal(refusal({ max_tokens: 11 }).code, 'insufficient_quota')
    reserve({ max_tokens: 5 })
    assert.equal(cells.holders.total(), 2)
  })

  it('prices cached tokens, tokens and requests', () => {
    const { reserve, settle } = start({})
    const answer = { cachedTokens: 400_000 } as RequestRecord['answer']
    const use = settle(reserve(), { promptTokens: 1_000_000, completionTokens: 1_000_000, answer })
    assert.equal(use.cost, 0.6 + 0.04 + 2 + 0.5)
  })

  it('reserves for every name of the maximum, every answer and every prompt', () => {
    for (const [fields, tokens] of [
      [{ max_completion_tokens: 50 }, 50],
      [{ max_tokens: 10, n: 5 }, 50],
      [{ max_tokens: undefined, options: { num_predict: 50 } }, 50],
      [{ max_tokens: 25, prompt: ['', ''] }, 50],
    ] as const) {
      const { reserve, refusal } = start({ tokens_per_minute: { prompt: 0, completion: 59, total: 0 } })
      reserve(fields)
      assert.equal(refusal().code, 'rate_limit_exceeded', JSON.stringify([fields, tokens]))
      reserve({ max_tokens: 9 })
    }
  })

  it('says that a request is too large for a limit, and that waiting does not help', () => {
    const { refusal, reserve } = start({ tokens_per_minute: { prompt: 0, completion: 100, total: 0 } })
    const error = refusal({ max_tokens: 101 })
    assert.match(error.message, /max_tokens/)
    assert.equal(error.retryAfterSeconds, undefined)
    assert.deepEqual(error.headers, ['x-should-retry', 'false'])
    reserve({ max_tokens: 100 })
  })

  it('continues with saved amounts after a restart, but for windows that are over', async () => {
    const limits = budget({ amount: 50, period: 'day' })
    const before = start(limits)
    before.settle(before.reserve(), { promptTokens: 20, completionTokens: 20 })
    const amountsOf = ({ cells, clock, caller }: ReturnType<typeof start>) =>
      new SavedAmounts({
        cells,
        windows: new LimitWindows('UTC'),
        now: () => ({ wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }),
        content: () => ({
          ...noChange,
          keys: [
            {
              id: 'key_1',
              name: 'ci',
              owner: undefined,
              team: undefined,
              enabled: true,
              expiresAtMs: undefined,
              policy: undefined,
              limits: caller.subjects[0]?.limits,
              hashes: [],
            },
          ],
        }),
      })
    const amounts = amountsOf(before)
    const saved = amounts.changes()
    assert.deepEqual(
      saved.map(({ kind, id, window, amount }) => [kind, id, window, amount]),
      [['key', 'key_1', 'budget total day calendar', 40]],
    )
    assert.deepEqual(amounts.changes(), [], 'only what has changed')

    const after = start(limits)
    amountsOf(after).merge(saved)
    assert.equal(after.refusal().code, 'insufficient_quota')
    const nextDay = start(limits, { startMs: Date.parse('2027-02-01T12:00:00Z') })
    const later = amountsOf(nextDay)
    assert(saved.every((each) => later.isOver(each)))
    later.merge(saved)
    nextDay.reserve()
  })
})
