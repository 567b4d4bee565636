import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { NameRows } from '../../../src/kernel/cells/rows.ts'
import { GatewayStats } from '../../../src/observe/stats/gateway-stats.ts'
import { ModelRows, otherModels } from '../../../src/observe/stats/model-rows.ts'
import { readStatsCells } from '../../../src/observe/stats/stats-cells.ts'
import type { StatusColumn } from '../../../src/observe/stats/status-columns.ts'
import type { RequestRecord } from '../../../src/proxy/contract/request-record.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import { figures, request } from './fixtures.ts'

const known = ['llama3:8b', 'qwen2.5', 'Mixtral-8x7B']

function createStats(models = 16) {
  return createCounted(models).stats
}

function createCounted(models = 16) {
  const find = (name: string) => known.find((each) => each.toLowerCase() === name.toLowerCase())
  const cells = readStatsCells(new SharedState({ endpoints: 4, models }))
  return { cells, stats: new GatewayStats(cells, find) }
}

describe('GatewayStats', () => {
  it('counts a request once in the totals, for its endpoint and for its model (contract 16.2, item 2)', () => {
    const stats = createStats()
    stats.record(request({ promptTokens: 12, completionTokens: 30, overheadMs: 0.5, upstreamMs: 9 }))
    for (const traffic of [stats.totals(), stats.endpoint(0), stats.models()[0]?.traffic]) {
      assert.partialDeepStrictEqual(traffic, {
        requests: 1,
        successes: 1,
        failures: 0,
        requestBytes: 100,
        responseBytes: 280,
        averageMs: 40,
        minMs: 40,
        maxMs: 40,
        averageFirstByteMs: 10,
        overheadSumMs: 0.5,
        upstreamSumMs: 9,
        successRate: 100,
        promptTokens: 12,
        completionTokens: 30,
        lastUsedAtMs: 1_800_000_000_000,
      })
    }
    assert.equal(stats.endpoint(1).requests, 0)
  })

  it('does not count a 5xx as a success, even if it was delivered completely', () => {
    const stats = createStats()
    stats.record(request({ outcome: 'success', status: 503 }))
    stats.record(request({ outcome: 'failure', status: 502 }))
    assert.partialDeepStrictEqual(stats.endpoint(0), {
      requests: 2,
      successes: 0,
      failures: 2,
      successRate: 0,
    })
  })

  it('counts a disconnected client and a 4xx neither as success nor as failure', () => {
    const stats = createStats()
    stats.record(request({ outcome: 'client_closed', status: 200 }))
    stats.record(request({ outcome: 'rejection', status: 400 }))
    stats.record(request({ outcome: 'success', status: 404 }))
    assert.partialDeepStrictEqual(stats.endpoint(0), {
      requests: 3,
      clientClosed: 1,
      rejections: 2,
      successes: 0,
      failures: 0,
      successRate: undefined,
      averageMs: undefined,
      minMs: 0,
    })
  })

  it('measures only successes', () => {
    const stats = createStats()
    stats.record(request({ durationMs: 100 }))
    stats.record(request({ durationMs: 300 }))
    stats.record(request({ durationMs: 60_000, outcome: 'failure', status: 504, firstByteMs: undefined }))
    assert.partialDeepStrictEqual(stats.endpoint(0), {
      averageMs: 200,
      minMs: 100,
      maxMs: 300,
      averageFirstByteMs: 10,
    })
    const [model] = stats.models()
    assert.deepEqual(model?.timings.duration, { p50: 96.2, p95: 288, p99: 288 })
  })

  it('returns no percentile above the maximum', () => {
    const stats = createStats()
    for (const durationMs of [266, 693, 812]) stats.record(request({ durationMs }))
    for (const timings of [stats.timings(), stats.endpointTimings(0), stats.models()[0]?.timings])
      assert.partialDeepStrictEqual(timings?.duration, { p95: 812, p99: 812 })
  })

  it('keeps a minimum duration of 0', () => {
    const stats = createStats()
    stats.record(request({ durationMs: 0 }))
    stats.record(request({ durationMs: 9 }))
    assert.equal(stats.endpoint(0).minMs, 0)
  })

  it('counts requests that reached no endpoint only in the totals', () => {
    const stats = createStats()
    stats.record(request({ endpointSlot: undefined, outcome: 'rejection', status: 404, routing: 'rejected' }))
    assert.partialDeepStrictEqual(stats.totals(), { requests: 1, rejections: 1 })
    assert.partialDeepStrictEqual(stats.models()[0]?.traffic, { requests: 0, routingMisses: 1 })
  })

  it('counts attempts separately from requests', () => {
    const stats = createStats()
    stats.recordAttempt(1, true)
    stats.recordAttempt(0, false)
    stats.record(request())
    assert.partialDeepStrictEqual(stats.endpoint(1), {
      attempts: 1,
      failedAttempts: 1,
      requests: 0,
      failures: 0,
    })
    assert.partialDeepStrictEqual(stats.totals(), { attempts: 2, failedAttempts: 1, requests: 1 })
  })

  it('reports routing decisions', () => {
    const stats = createStats()
    for (const routing of ['routed', 'routed', 'fallback'] as const) stats.record(request({ routing }))
    assert.partialDeepStrictEqual(stats.models()[0]?.traffic, {
      routingHits: 2,
      routingFallbacks: 1,
      routingMisses: 0,
    })
  })

  it('counts each client of a model once', () => {
    const stats = createStats()
    for (const client of ['10.0.0.1', '10.0.0.2', '10.0.0.1']) stats.record(request({ client }))
    assert.equal(stats.models()[0]?.clients, 2)
  })

  it('separates the endpoints of a model', () => {
    const stats = createStats()
    stats.record(request())
    stats.record(request({ outcome: 'failure', status: 500 }))
    stats.record(request({ endpointSlot: 2, durationMs: 80 }))
    stats.record(request({ endpointSlot: 2, model: 'qwen2.5' }))
    const model = stats.models().find(({ name }) => name === 'llama3:8b')
    assert.partialDeepStrictEqual(model?.placements, [
      { slot: 0, requests: 2, successRate: 50, averageMs: 40, failuresInRow: 1 },
      { slot: 2, requests: 1, successRate: 100, averageMs: 80, failuresInRow: 0 },
    ])
    stats.record(request())
    assert.equal(stats.models()[0]?.placements[0]?.failuresInRow, 0)
  })

  it('sums the tokens and times that answers report', () => {
    const stats = createStats()
    const answer = figures({ cachedTokens: 8, generationMs: 500, loadMs: 40, promptMs: 20 })
    stats.record(request({ completionTokens: 30, answer }))
    stats.record(request({ completionTokens: 10, answer: figures({ generationMs: 300 }) }))
    stats.record(request({ completionTokens: 99, answer: figures() }))
    for (const traffic of [stats.totals(), stats.endpoint(0), stats.models()[0]?.traffic]) {
      assert.partialDeepStrictEqual(traffic, {
        completionTokens: 139,
        cachedTokens: 8,
        tokensPerSecond: 50,
        loadSumMs: 40,
        promptSumMs: 20,
      })
    }
  })

  it('reports no speed before the first timed generation', () => {
    const stats = createStats()
    stats.record(request({ completionTokens: 30, answer: figures() }))
    assert.equal(stats.totals().tokensPerSecond, undefined)
  })

  it('returns percentiles for the gateway, each endpoint and each model', () => {
    const stats = createStats()
    for (let count = 0; count < 96; count++) {
      stats.record(request({ durationMs: 45, answer: figures({ firstTokenMs: 9 }) }))
    }
    for (let count = 0; count < 4; count++) stats.record(request({ durationMs: 290 }))
    const duration = { p50: 44, p95: 44, p99: 288 }
    const firstToken = { p50: 8.9, p95: 8.9, p99: 8.9 }
    for (const timings of [stats.timings(), stats.endpointTimings(0), stats.models()[0]?.timings]) {
      assert.deepEqual(timings, { duration, firstToken, interToken: undefined })
    }
    assert.equal(stats.endpointTimings(1).duration, undefined)
  })

  it('keeps histograms of attempts and of queue waits', () => {
    const { stats, cells } = createCounted()
    stats.record(request({ attempts: 1 }))
    stats.record(request({ attempts: 3, queuedMs: 18 }))
    stats.record(request({ attempts: 0, endpointSlot: undefined }))
    assert.equal(cells.totalHistograms.attempts.read(0).count, 2)
    assert.deepEqual(
      [cells.totalHistograms.queueWait.read(0).count, cells.totalHistograms.queueWait.read(0).sum],
      [1, 18],
    )
  })

  it('counts by outcome and status, with or without an endpoint', () => {
    const { stats, cells } = createCounted()
    const counted = (row: number, column: StatusColumn) =>
      cells.statuses.sum(row, cells.statuses.column(column))
    stats.record(request())
    stats.record(request({ outcome: 'success', status: 503 }))
    stats.record(request({ outcome: 'failure', status: 200 }))
    stats.record(request({ outcome: 'client_closed', status: undefined }))
    stats.record(request({ outcome: 'rejection', status: 418 }))
    stats.record(request({ outcome: 'rejection', status: 404, endpointSlot: undefined }))
    const expected = {
      'success 200': 1,
      'failure 503': 1,
      'failure 200': 1,
      'client_closed none': 1,
      'rejection 4xx': 1,
    } as const
    for (const column of cells.statuses.columns) {
      assert.equal(counted(0, column), column in expected ? 1 : 0, column)
    }
    assert.equal(counted(cells.endpoints.rows, 'rejection 404'), 1)
  })

  it('counts failed attempts that were followed by another', () => {
    const stats = createStats()
    stats.recordFailover(2)
    assert.deepEqual([stats.totals().failovers, stats.endpoint(2).failovers], [1, 1])
  })

  it('keeps all sums consistent', () => {
    const record: fc.Arbitrary<RequestRecord> = fc.record({
      endpointSlot: fc.option(fc.nat(3), { nil: undefined }),
      model: fc.option(fc.constantFrom(...known, 'LLAMA3:8B', 'invented-1', 'invented-2'), {
        nil: undefined,
      }),
      outcome: fc.constantFrom('success', 'failure', 'rejection', 'client_closed', 'cancelled'),
      status: fc.constantFrom(undefined, 200, 404, 429, 500, 503),
      requestBytes: fc.nat(1_000),
      responseBytes: fc.nat(1_000),
      durationMs: fc.oneof(fc.constant(0), fc.nat(100_000)),
      firstByteMs: fc.option(fc.nat(1_000), { nil: undefined }),
      completedAtMs: fc.integer({ min: 1, max: 2_000_000_000_000 }),
    })
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const stats = createStats(3)
        for (const each of records) stats.record(each)
        const totals = stats.totals()
        assert.equal(totals.requests, records.length)
        assert.equal(
          totals.successes + totals.failures + totals.rejections + totals.clientClosed + totals.cancelled,
          totals.requests,
        )
        const atEndpoints = [0, 1, 2, 3].reduce((sum, slot) => sum + stats.endpoint(slot).requests, 0)
        assert.equal(atEndpoints, records.filter(({ endpointSlot }) => endpointSlot !== undefined).length)
        assert.equal(
          totals.responseBytes,
          records.reduce((sum, each) => sum + each.responseBytes, 0),
        )
        const models = stats.models()
        assert.ok(models.length <= 3)
        for (const { traffic, timings } of models) {
          assert.ok((timings.duration?.p95 ?? 0) <= (timings.duration?.p99 ?? 0))
          assert.ok(traffic.maxMs >= (traffic.averageMs ?? 0) && (traffic.averageMs ?? 0) >= traffic.minMs)
        }
      }),
    )
  })
})

describe('rows of models', () => {
  it('are shared by all names that are not in the catalog', () => {
    const rows = new ModelRows(new NameRows(3), () => undefined)
    const invented = Array.from({ length: 100 }, (_, index) => rows.rowOf(`invented-${index}`))
    assert.deepEqual(new Set(invented), new Set([3]))
    assert.deepEqual([...rows.entries()], [[otherModels, 3]])
  })

  it('use the spelling of the catalog', () => {
    const rows = new ModelRows(new NameRows(3), (name) =>
      name.toLowerCase() === 'mixtral' ? 'Mixtral' : undefined,
    )
    assert.equal(rows.rowOf('mixtral'), rows.rowOf('MIXTRAL'))
    assert.deepEqual(
      [...rows.entries()].map(([name]) => name),
      ['Mixtral', otherModels],
    )
  })

  it('are shared by known names, too, when all are taken', () => {
    const rows = new ModelRows(new NameRows(2), (name) => name)
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'a'].map((name) => rows.rowOf(name)),
      [0, 1, 2, 2, 0],
    )
  })

  it('stay assigned when a model leaves the catalog', () => {
    let listed = true
    const rows = new ModelRows(new NameRows(2), (name) => (listed ? name : undefined))
    const row = rows.rowOf('a')
    listed = false
    assert.equal(rows.rowOf('a'), row)
  })
})
