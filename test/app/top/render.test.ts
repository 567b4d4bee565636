import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readKeys } from '../../../src/app/top/keys.ts'
import { ansiPaint, plainPaint } from '../../../src/app/top/paint.ts'
import { renderScreen } from '../../../src/app/top/render.ts'
import {
  type EndpointRow,
  initialState,
  type RequestRow,
  type TopState,
  update,
} from '../../../src/app/top/state.ts'
import { duration, fit, printable, sparkline } from '../../../src/app/top/text.ts'
import type { Sample } from '../../../src/observe/stats/sample.ts'

const startedAt = '2026-01-01T10:00:00.000Z'
const nowMs = Date.parse('2026-01-01T12:03:00.000Z')

const sample = (fields: Partial<Sample> = {}): Sample => ({
  at_ms: nowMs,
  interval_ms: 2_000,
  requests: 10,
  successes: 9,
  failures: 1,
  rejections: 0,
  client_closed: 0,
  cancelled: 0,
  prompt_tokens: 100,
  completion_tokens: 640,
  request_bytes: 1,
  response_bytes: 1,
  in_flight: 5,
  waiting: 1,
  first_token_ms: { p50: 150, p90: 300, p99: 2_000 },
  duration_ms: null,
  events_dropped: 0,
  endpoints: { a: [3, 8, 1, 140], b: [2, 2, 0, null] },
  ...fields,
})

const endpoint = (id: string, fields: Partial<EndpointRow> = {}): EndpointRow => ({
  id,
  name: `gpu-${id}`,
  status: 'healthy',
  breaker: { state: 'closed' },
  priority: 100,
  in_flight: 0,
  max_concurrent: 0,
  model_count: 4,
  request_count: 0,
  success_rate: '100%',
  ...fields,
})

const request = (fields: Partial<RequestRow> = {}): RequestRow => ({
  id: 'x-1',
  age_ms: 2_345,
  phase: 'relaying',
  model: 'llama3.2:3b',
  endpoint: 'gpu-a',
  client: '192.168.100.200',
  completion_tokens: 96,
  tokens_per_second: 46.1,
  ...fields,
})

const full: TopState = {
  ...initialState('http://localhost:40114'),
  hello: { version: '1.2.3', started_at: startedAt, threads: 2, engine: 'olla', balancer: 'priority' },
  samples: Array.from({ length: 40 }, (_, index) =>
    sample({ requests: index % 12, completion_tokens: index * 20 }),
  ),
  endpoints: [
    endpoint('a', { in_flight: 3, max_concurrent: 8 }),
    endpoint('b', { in_flight: 2, status: 'busy', breaker: { state: 'half_open' } }),
    endpoint('c', { status: 'offline', breaker: { state: 'open' }, model_count: 0 }),
  ],
  requests: [
    request(),
    request({
      id: 'x-2',
      phase: 'queued',
      endpoint: null,
      completion_tokens: null,
      tokens_per_second: null,
      age_ms: 80,
    }),
    request({ id: 'x-3', model: null, age_ms: 75_000, client: '2001:db8::8a2e:370:7334' }),
  ],
  requestTotal: 3,
  events: [
    {
      type: 'endpoint.status',
      at: '2026-01-01T12:00:01.000Z',
      data: { endpoint: 'gpu-c', from: 'healthy', to: 'offline', reason: 'connection refused' },
    },
    {
      type: 'request.failover',
      at: '2026-01-01T12:00:02.000Z',
      data: { request_id: 'llama-1', model: null, from: 'gpu-c', reason: 'connection refused' },
    },
  ],
}

const text = { serializers: [(value: unknown) => String(value)] }

describe('the screen of top', () => {
  for (const [columns, rows] of [
    [80, 24],
    [120, 40],
  ] as const) {
    it(`at ${columns}x${rows}`, (t) => {
      const lines = renderScreen(full, { columns, rows, paint: plainPaint, nowMs })
      t.assert.snapshot(lines.map((line) => line.trimEnd()).join('\n'), text)
    })
  }

  it('before the first data, and after the gateway has stopped', (t) => {
    const screen = { columns: 80, rows: 24, paint: plainPaint, nowMs }
    const empty = renderScreen(initialState('http://localhost:40114'), screen)
    const gone = renderScreen(update(full, { kind: 'problem', problem: 'connection refused' }), screen)
    t.assert.snapshot(
      [...empty.slice(0, 6), '', ...gone.slice(0, 3)].map((line) => line.trimEnd()).join('\n'),
      text,
    )
  })

  it('has exactly the size of the terminal, whatever is on it', () => {
    const states = fc.record({
      endpoints: fc.nat(60),
      requests: fc.nat(60),
      name: fc.string({ unit: 'grapheme' }),
      offset: fc.nat(80),
    })
    fc.assert(
      fc.property(
        states,
        fc.integer({ min: 40, max: 200 }),
        fc.integer({ min: 1, max: 70 }),
        (of, columns, rows) => {
          const state: TopState = {
            ...full,
            endpoints: Array.from({ length: of.endpoints }, (_, index) =>
              endpoint(String(index), { name: of.name }),
            ),
            requests: Array.from({ length: of.requests }, () => request({ model: of.name })),
            offsets: { endpoints: of.offset, requests: of.offset },
          }
          const lines = renderScreen(state, { columns, rows, paint: plainPaint, nowMs })
          assert.equal(lines.length, rows)
          for (const line of lines) assert.ok([...line].length <= columns, `${[...line].length}: ${line}`)
        },
      ),
    )
  })

  it('escapes control characters in names', () => {
    const evil = '\u001b[2J\u0007\u009b31m\nname\u202e'
    const state: TopState = {
      ...full,
      url: evil,
      endpoints: [endpoint('a', { name: evil, status: evil })],
      requests: [request({ model: evil, endpoint: evil, client: evil })],
      events: [{ type: evil, at: startedAt, data: { reason: evil } }],
    }
    const lines = renderScreen(state, { columns: 120, rows: 30, paint: plainPaint, nowMs })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the absence of control characters is the point
    assert.doesNotMatch(lines.join(''), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  })

  it('is coloured on request with the same text', () => {
    const screen = { columns: 100, rows: 24, nowMs }
    const plain = renderScreen(full, { ...screen, paint: plainPaint })
    const coloured = renderScreen(full, { ...screen, paint: ansiPaint })
    assert.ok(coloured.some((line) => line.startsWith('\u001b[31mgpu-c')))
    assert.deepEqual(coloured.map(printable), plain)
  })
})

describe('the state of top', () => {
  const names = (state: TopState) => {
    const lines = renderScreen(state, { columns: 100, rows: 40, paint: plainPaint, nowMs })
    return lines.map((line) => line.split(' ')[0]).filter((name) => name?.startsWith('gpu-'))
  }

  it('sorts by the chosen column', () => {
    let state = full
    assert.deepEqual(names(state), ['gpu-a', 'gpu-b', 'gpu-c'])
    state = update(state, { kind: 'key', key: 'reverse' })
    assert.deepEqual(names(state), ['gpu-c', 'gpu-b', 'gpu-a'])
    state = update(state, { kind: 'key', key: 'sort' })
    assert.equal(state.sort, 'in flight')
    assert.deepEqual(names(state), ['gpu-c', 'gpu-b', 'gpu-a'])
    for (const expected of ['req/s', 'first byte', 'name']) {
      state = update(state, { kind: 'key', key: 'sort' })
      assert.equal(state.sort, expected)
    }
  })

  it('scrolls the list that has the focus, and not out of it', () => {
    let state = full
    for (let press = 0; press < 9; press++) state = update(state, { kind: 'key', key: 'down' })
    assert.deepEqual(state.offsets, { endpoints: 2, requests: 0 })
    state = update(state, { kind: 'key', key: 'pane' })
    state = update(state, { kind: 'key', key: 'page-down' })
    state = update(state, { kind: 'key', key: 'up' })
    assert.deepEqual(state.offsets, { endpoints: 2, requests: 1 })
    state = update(state, { kind: 'key', key: 'page-up' })
    assert.deepEqual(state.offsets, { endpoints: 2, requests: 0 })
  })

  it('drops charts of a restarted gateway, and keeps those of one that is reachable again', () => {
    const hello = full.hello
    assert.ok(hello)
    const back = update(update(full, { kind: 'problem', problem: 'gone' }), { kind: 'hello', hello })
    assert.equal(back.problem, undefined)
    assert.equal(back.samples.length, 40)
    const restarted = update(full, {
      kind: 'hello',
      hello: { ...hello, started_at: '2026-01-01T12:02:00.000Z' },
    })
    assert.deepEqual([restarted.samples.length, restarted.events.length], [0, 0])
  })

  it('is bounded', () => {
    let state = full
    for (let index = 0; index < 500; index++) {
      state = update(state, { kind: 'samples', samples: [sample()] })
      state = update(state, { kind: 'event', event: { type: 'x', at: startedAt, data: {} } })
    }
    assert.deepEqual([state.samples.length, state.events.length], [450, 100])
  })
})

describe('texts of a terminal', () => {
  it('are truncated and padded to a width', () => {
    assert.equal(fit('abc', 5), 'abc  ')
    assert.equal(fit('abc', 5, 'right'), '  abc')
    assert.equal(fit('abcdef', 4), 'abc…')
    assert.equal(fit('abc', 0), '')
  })

  it('draw values from zero to the maximum', () => {
    assert.equal(sparkline([0, 1, 4, 8], 4), '▁▁▄█')
    assert.equal(sparkline([0, 0], 3), ' ▁▁')
    assert.equal(sparkline([], 3), '   ')
    assert.equal(sparkline([9, 1, 1], 2), '██')
  })

  it('format durations', () => {
    assert.deepEqual([null, 0, 999, 1_000, 59_999, 245_000].map(duration), [
      '-',
      '0ms',
      '999ms',
      '1.00s',
      '60.0s',
      '4m 5s',
    ])
  })
})

describe('keys', () => {
  it('are read from what a terminal sends', () => {
    assert.deepEqual(readKeys('q'), ['quit'])
    assert.deepEqual(readKeys('\u0003'), ['quit'])
    assert.deepEqual(readKeys('\u001b[A\u001b[B\u001b[5~\ts'), ['up', 'down', 'page-up', 'pane', 'sort'])
    assert.deepEqual(readKeys('\u001b[1;5Dxyz\u001b'), [])
  })
})
