import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Limits, Policy, UsageRow } from '../../dashboard/src/api/types.ts'
import { emptyForm, fieldsOf } from '../../dashboard/src/state/caller-form.ts'
import { factLine, formatMoney, limitFacts, policyFacts } from '../../dashboard/src/state/caller-texts.ts'
import { chartColumns, chartTable } from '../../dashboard/src/state/charts.ts'
import { nearestLimit, periodStarts } from '../../dashboard/src/state/limit-use.ts'
import { usageCharts, usagePoints } from '../../dashboard/src/state/usage-points.ts'
import { KeyInput, readInput } from '../../src/callers/admin/input.ts'
import { decode } from '../../src/config/file/decode.ts'
import { LimitsSchema, PolicySchema } from '../../src/config/schema/callers-schema.ts'

/** As the gateway writes them: complete. */
const limitsOf = (given: object = {}) => decode(LimitsSchema, given) as Limits
const policyOf = (given: object = {}) => decode(PolicySchema, given) as Policy

function usageRow(changes: Partial<UsageRow> = {}): UsageRow {
  return {
    requests: 0,
    ok: 0,
    client_errors: 0,
    upstream_errors: 0,
    cancelled: 0,
    refused: 0,
    prompt_tokens: 0,
    cached_tokens: 0,
    reasoning_tokens: 0,
    completion_tokens: 0,
    cost: 0,
    duration_ms: 0,
    ...changes,
  }
}

describe('limits and policies in words', () => {
  it('are empty if nothing is set', () => {
    assert.deepEqual(limitFacts(limitsOf()), [])
    assert.deepEqual(policyFacts(policyOf()), [])
  })

  it('name every limit', () => {
    const limits = limitsOf({
      requests_per_minute: 60,
      max_concurrent: 4,
      tokens_per_minute: { total: 10_000 },
      tokens_per_day: { prompt: 2_000_000, completion: 500_000 },
      budgets: [
        { amount: 25.5, soft: 0.8 },
        { amount: 1_000_000, unit: 'tokens', period: 'week', window: 'rolling' },
        { amount: 100, period: 'ever', window: 'rolling' },
      ],
    })
    assert.deepEqual(limitFacts(limits), [
      ['Requests', '60 per minute'],
      ['At a time', '4'],
      ['Tokens', '10k per minute'],
      ['Prompt tokens', '2M per day'],
      ['Completion tokens', '500k per day'],
      ['Budget', '25.50 per month, warns at 80%; 1M tokens per week, rolling; 100.00 in total'],
    ])
  })

  it('name what a policy restricts', () => {
    const policy = policyOf({
      models: { include: ['llama*'], exclude: ['*70b*'] },
      endpoint_tags: ['gpu'],
      dialects: ['openai'],
      networks: ['10.0.0.0/8'],
      defaults: { temperature: 0.2 },
      caps: { max_tokens: 512 },
      priority: 'high',
    })
    assert.equal(
      factLine(policyFacts(policy)),
      'Models: llama*; not *70b* · Endpoint tags: gpu · APIs: openai · Networks: 10.0.0.0/8 · ' +
        'Defaults: temperature 0.2 · Caps: max_tokens 512 · Priority: high',
    )
  })

  it('shows small amounts of money', () => {
    assert.deepEqual([0, 0.00042, 1.5, 25_000].map(formatMoney), ['0.00', '0.00042', '1.50', '25k'])
  })
})

describe('the nearest limit', () => {
  const hours = usageRow({ prompt_tokens: 850, completion_tokens: 100, cost: 3 })
  const day = usageRow({ prompt_tokens: 800, completion_tokens: 100, cost: 2 })
  const month = usageRow({ prompt_tokens: 5000, completion_tokens: 500, cost: 9.5 })

  it('is the one that is used up furthest', () => {
    const limits = limitsOf({ tokens_per_day: { total: 1100 }, budgets: [{ amount: 10 }] })
    assert.deepEqual(nearestLimit(limits, { hours, day, month }), {
      share: 0.95,
      text: '9.50 of 10.00 money this month',
    })
    const daily = limitsOf({
      budgets: [
        { amount: 4, period: 'day' },
        { amount: 4, period: 'day', window: 'rolling' },
      ],
    })
    assert.deepEqual(nearestLimit(daily, { hours, day, month }), {
      share: 0.75,
      text: '3.00 of 4.00 money in 24 hours',
    })
    const tokens = limitsOf({ tokens_per_day: { total: 1000, completion: 1000 } })
    assert.deepEqual(nearestLimit(tokens, { hours, day, month }), {
      share: 0.95,
      text: '950 of 1k tokens in 24 hours',
    })
    const budget = limitsOf({ budgets: [{ amount: 5500, unit: 'tokens' }] })
    assert.equal(nearestLimit(budget, { hours, day, month })?.share, 1)
  })

  it('is unknown for windows that the ledger does not show', () => {
    const limits = limitsOf({
      requests_per_minute: 1,
      budgets: [
        { amount: 1, window: 'rolling' },
        { amount: 1, period: 'ever' },
      ],
    })
    assert.equal(nearestLimit(limits, { hours, day, month }), undefined)
  })

  it('is unused without use', () => {
    const limits = limitsOf({ tokens_per_day: { total: 1000 } })
    assert.equal(nearestLimit(limits, { hours: undefined, day: undefined, month: undefined })?.share, 0)
  })

  it('counts from the start of the day and the month, UTC', () => {
    assert.deepEqual(periodStarts(Date.parse('2026-11-30T23:30:00-02:00')), {
      hours: '2026-11-30T02:30:00.000Z',
      day: '2026-12-01',
      month: '2026-12-01',
    })
  })
})

describe('the form of a new key', () => {
  it('sends only what is filled in', () => {
    assert.deepEqual(fieldsOf({ ...emptyForm, name: ' ci ' }), { name: 'ci' })
  })

  it('sends fields that the gateway accepts', () => {
    const fields = fieldsOf({
      name: 'ci',
      owner: 'ann',
      team: 'ml',
      expires: '2027-01-31',
      models: 'llama*, , qwen*',
      requestsPerMinute: '60',
      maxConcurrent: '4',
      tokensPerMinute: '1000',
      tokensPerDay: '5000',
      monthlyBudget: '12.5',
    })
    const read = readInput(KeyInput, 'key', fields)
    assert.deepEqual(read.policy.models.include, ['llama*', 'qwen*'])
    assert.equal(read.limits.requests_per_minute, 60)
    assert.equal(read.limits.max_concurrent, 4)
    assert.equal(read.limits.tokens_per_minute.total, 1000)
    assert.equal(read.limits.tokens_per_day.total, 5000)
    assert.deepEqual(
      read.limits.budgets.map(({ amount, unit, period }) => [amount, unit, period]),
      [[12.5, 'money', 'month']],
    )
    assert.equal(Date.parse(read.expires ?? ''), new Date('2027-01-31T23:59:59').getTime())
  })
})

describe('use over time', () => {
  const hour = 3_600_000
  const startMs = Date.parse('2026-11-30T10:00:00Z')
  const rows = [
    usageRow({ at: '2026-11-30T10:00:00.000Z', requests: 4, refused: 1, duration_ms: 800, cost: 0.5 }),
    usageRow({ at: '2026-11-30T12:00:00.000Z', requests: 2, completion_tokens: 30, prompt_tokens: 9 }),
  ]
  const points = usagePoints(rows, { sinceMs: startMs + 1, untilMs: startMs + 3 * hour, stepMs: hour })

  it('has a point for each hour, also without use', () => {
    assert.deepEqual(
      points.map(({ at_ms, row }) => [at_ms - startMs, row?.requests]),
      [
        [0, 4],
        [hour, undefined],
        [2 * hour, 2],
      ],
    )
  })

  it('is charted: counts of nothing are zero, means of nothing are gaps', () => {
    const [requests, tokens, cost, time] = usageCharts.map((chart) => chartColumns(points, chart).slice(1))
    assert.deepEqual(requests?.[0], [4, 0, 2])
    assert.deepEqual(requests?.[1], [1, 0, 0])
    assert.deepEqual(tokens, [
      [0, 0, 30],
      [0, 0, 9],
    ])
    assert.deepEqual(cost, [[0.5, 0, 0]])
    assert.deepEqual(time, [[200, null, 0]])
  })

  it('is also a table, newest first', () => {
    const [requests] = usageCharts
    assert.ok(requests)
    assert.deepEqual(
      chartTable(points, requests, hour).map(({ values }) => values[0]),
      [2, 0, 4],
    )
  })
})
