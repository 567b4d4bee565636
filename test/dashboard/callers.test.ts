import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LimitState, Limits, Policy, UsageRow } from '../../dashboard/src/api/types.ts'
import {
  changedFieldsOf,
  changesOf,
  emptyBudget,
  emptyForm,
  fieldsOf,
  formOf,
} from '../../dashboard/src/state/caller-form.ts'
import { factLine, formatMoney, limitFacts, policyFacts } from '../../dashboard/src/state/caller-texts.ts'
import { chartColumns, chartTable } from '../../dashboard/src/state/charts.ts'
import { groupChart, groupPoints, largestGroups } from '../../dashboard/src/state/group-points.ts'
import { limitUseText, nearestLimit } from '../../dashboard/src/state/limit-use.ts'
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
    unpriced: 0,
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

const limitState = (changes: Partial<LimitState>): LimitState => ({
  field: 'budgets',
  counted: 'total',
  window: 'month calendar',
  limit: 1_000,
  used: 0,
  reserved: 0,
  remaining: 1_000,
  share: 0,
  soft: 0,
  resets_at: null,
  refused_hour: 0,
  refused_day: 0,
  ...changes,
})

describe('the nearest limit', () => {
  it('is the one that is used up furthest', () => {
    const limits = [limitState({ share: 0.2 }), limitState({ share: 0.9, used: 900 }), limitState({})]
    assert.equal(nearestLimit({ limits })?.used, 900)
    assert.equal(nearestLimit({ limits: [] }), undefined)
    assert.equal(nearestLimit(undefined), undefined)
  })

  for (const [changes, text] of [
    [{ used: 900 }, '900 of 1k tokens this month'],
    [{ used: 9.5, limit: 10, counted: 'money', window: 'day rolling' }, '9.50 of 10.00 money per day'],
    [{ used: 5, limit: 60, counted: 'requests', window: 'minute rolling' }, '5 of 60 requests per minute'],
    [{ used: 5, counted: 'prompt', window: 'ever calendar' }, '5 of 1k prompt tokens in total'],
    [{ used: 2, limit: 4, counted: 'concurrent', window: '' }, '2 of 4 requests at a time'],
  ] as const) {
    it(`is shown as "${text}"`, () => assert.equal(limitUseText(limitState(changes)), text))
  }
})

describe('the form of a key', () => {
  it('sends only what is filled in', () => {
    assert.deepEqual(fieldsOf({ ...emptyForm, name: ' ci ' }), { name: 'ci' })
  })

  it('sends fields that the gateway accepts', () => {
    const fields = fieldsOf({
      ...emptyForm,
      name: 'ci',
      owner: 'ann',
      team: 'ml',
      expires: '2027-01-31',
      models: 'llama*, , qwen*',
      requestsPerMinute: '60',
      budgets: [{ ...emptyBudget, amount: '12.5' }],
    })
    const read = readInput(KeyInput, 'key', fields)
    assert.deepEqual(read.policy.models.include, ['llama*', 'qwen*'])
    assert.equal(read.limits.requests_per_minute, 60)
    assert.deepEqual(
      read.limits.budgets.map(({ amount, unit, period, soft }) => [amount, unit, period, soft]),
      [[12.5, 'money', 'month', 0.8]],
    )
    assert.equal(Date.parse(read.expires ?? ''), new Date('2027-01-31T23:59:59').getTime())
  })

  it('keeps every field of a policy and of limits that it shows', () => {
    const policy = policyOf({
      models: { include: ['llama*'], exclude: ['*70b*'] },
      endpoints: { include: ['gpu-*'], exclude: ['gpu-9'] },
      endpoint_tags: ['fast'],
      dialects: ['openai', 'ollama'],
      routes: ['/v1/chat/*'],
      networks: ['10.0.0.0/8', 'fd00::/8'],
      defaults: { temperature: 0.2, stop: ['a, b'] },
      caps: { max_tokens: 512, n: 1 },
      priority: 'low',
      weight: 2.5,
    })
    const limits = limitsOf({
      requests_per_minute: 60,
      tokens_per_minute: { prompt: 1, completion: 2, total: 3 },
      tokens_per_day: { prompt: 4, completion: 5, total: 6 },
      max_concurrent: 7,
      budgets: [
        { amount: 0.29, unit: 'money', period: 'ever', window: 'calendar', soft: 0.57 },
        { amount: 1_000, unit: 'tokens', period: 'week', window: 'rolling', soft: 0 },
      ],
    })
    assert.ok(Object.values(policy).every((value) => JSON.stringify(value) !== '{}'))
    const row = {
      name: 'ci',
      owner: 'ann',
      team: 'ml',
      expires: '2027-01-31T10:00:00.000Z',
      metadata: { cost_center: '42', note: 'a = b' },
      policy,
      limits,
    }
    const form = formOf(row)
    const read = readInput(KeyInput, 'key', changesOf(form))
    assert.deepEqual(read.policy, policy)
    assert.deepEqual(read.limits, limits)
    assert.deepEqual([read.owner, read.team, read.metadata], ['ann', 'ml', row.metadata])
    assert.deepEqual(changedFieldsOf(form, { ...form }), {})
    assert.deepEqual(changedFieldsOf(form, { ...form, owner: '', name: 'cd' }), { name: 'cd', owner: null })
    assert.deepEqual(Object.keys(changedFieldsOf(form, { ...form, weight: '' })), ['policy'])
  })

  for (const [changes, message] of [
    [{ metadata: 'no value' }, /Metadata/],
    [{ caps: 'max_tokens' }, /Caps/],
    [{ defaults: '[1]' }, /Defaults/],
    [{ defaults: '{"a":' }, /Defaults/],
  ] as const) {
    it(`says which field cannot be read: ${JSON.stringify(changes)}`, () => {
      assert.throws(() => changesOf({ ...emptyForm, ...changes }), message)
    })
  }
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

describe('use of groups over time', () => {
  const hour = 3_600_000
  const startMs = Date.parse('2026-11-30T10:00:00Z')
  const at = (offset: number) => new Date(startMs + offset * hour).toISOString()

  it('has a line for each of the largest groups, and one for all others', () => {
    const rows = Array.from({ length: 8 }, (_, index) => usageRow({ key: `k${index}`, requests: index }))
    const largest = largestGroups(rows, 'requests')
    assert.deepEqual(
      largest.map(({ key }) => key),
      ['k7', 'k6', 'k5', 'k4', 'k3'],
    )
    assert.deepEqual(largestGroups(rows, 'cost'), [])
    const groups = [
      { name: 'a', rows: [usageRow({ at: at(0), requests: 4 }), usageRow({ at: at(1), requests: 1 })] },
      { name: '', rows: [usageRow({ at: at(1), requests: 2 })] },
    ]
    const all = [usageRow({ at: at(0), requests: 5 }), usageRow({ at: at(1), requests: 2 })]
    const points = groupPoints(groups, all, {
      sinceMs: startMs,
      untilMs: startMs + 3 * hour,
      stepMs: hour,
      measure: 'requests',
    })
    assert.deepEqual(
      points.map(({ values }) => values),
      [
        [4, 0, 1],
        [1, 2, 0],
        [0, 0, 0],
      ],
    )
    const chart = groupChart('Requests by key', ['a', ''], 'requests', true)
    assert.deepEqual(
      chart.series.map(({ label }) => label),
      ['a', 'none', 'others'],
    )
    assert.deepEqual(chartColumns(points, chart).slice(1), [
      [4, 1, 0],
      [0, 2, 0],
      [1, 0, 0],
    ])
  })
})
