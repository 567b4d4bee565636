import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { GatewayCells } from '../../src/state/cells.ts'
import { GatewayStats, type RequestRecord } from '../../src/stats/gateway-stats.ts'
import { ModelRows, otherModels } from '../../src/stats/model-rows.ts'
import { request } from './fixtures.ts'

const known = ['llama3:8b', 'qwen2.5', 'Mixtral-8x7B']

function createStats(models = 16) {
  const find = (name: string) => known.find((each) => each.toLowerCase() === name.toLowerCase())
  return new GatewayStats(new GatewayCells({ endpoints: 4, models, placements: 8 }), find)
}

describe('counting a request', () => {
  it('counts it once in the totals, for its endpoint and for its model (contract 16.2, item 2)', () => {
    const stats = createStats()
    stats.record(request({ promptTokens: 12, completionTokens: 30 }))
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
        successRate: 100,
        promptTokens: 12,
        completionTokens: 30,
        lastUsedAtMs: 1_800_000_000_000,
      })
    }
    assert.equal(stats.endpoint(1).requests, 0)
  })

  it('takes no 5xx for a success, even one that was delivered whole', () => {
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

  it('takes a client that left, and a 4xx, for neither success nor failure', () => {
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
    assert.partialDeepStrictEqual(model, { p95Ms: 300, p99Ms: 300 })
  })

  it('puts no percentile above what was measured', () => {
    const stats = createStats()
    for (const durationMs of [266, 693, 843]) stats.record(request({ durationMs }))
    assert.partialDeepStrictEqual(stats.models()[0], { p95Ms: 843, p99Ms: 843 })
  })

  it('keeps a least duration of 0', () => {
    const stats = createStats()
    stats.record(request({ durationMs: 0 }))
    stats.record(request({ durationMs: 9 }))
    assert.equal(stats.endpoint(0).minMs, 0)
  })

  it('counts what never reached an endpoint in the totals only', () => {
    const stats = createStats()
    stats.record(request({ endpointSlot: undefined, outcome: 'rejection', status: 404, routing: 'rejected' }))
    assert.partialDeepStrictEqual(stats.totals(), { requests: 1, rejections: 1 })
    assert.partialDeepStrictEqual(stats.models()[0]?.traffic, { requests: 0, routingMisses: 1 })
  })

  it('counts tries apart from requests', () => {
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

  it('tells where routing sent requests', () => {
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

  it('tells the endpoints of a model apart', () => {
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

  it('makes every sum agree, whatever happens', () => {
    const record: fc.Arbitrary<RequestRecord> = fc.record({
      endpointSlot: fc.option(fc.nat(3), { nil: undefined }),
      model: fc.option(fc.constantFrom(...known, 'LLAMA3:8B', 'invented-1', 'invented-2'), {
        nil: undefined,
      }),
      outcome: fc.constantFrom('success', 'failure', 'rejection', 'client_closed'),
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
          totals.successes + totals.failures + totals.rejections + totals.clientClosed,
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
        for (const { traffic, p95Ms, p99Ms } of models) {
          assert.ok(p95Ms <= p99Ms)
          assert.ok(traffic.maxMs >= (traffic.averageMs ?? 0) && (traffic.averageMs ?? 0) >= traffic.minMs)
        }
      }),
    )
  })
})

describe('rows of models', () => {
  it('are shared by all names that the catalogue does not know', () => {
    const rows = new ModelRows(4, () => undefined)
    const invented = Array.from({ length: 100 }, (_, index) => rows.rowOf(`invented-${index}`))
    assert.deepEqual(new Set(invented), new Set([3]))
    assert.deepEqual([...rows.entries()], [[otherModels, 3]])
  })

  it('belong to the name as the catalogue spells it', () => {
    const rows = new ModelRows(4, (name) => (name.toLowerCase() === 'mixtral' ? 'Mixtral' : undefined))
    assert.equal(rows.rowOf('mixtral'), rows.rowOf('MIXTRAL'))
    assert.deepEqual(
      [...rows.entries()].map(([name]) => name),
      ['Mixtral', otherModels],
    )
  })

  it('are shared by known names as well when all are taken', () => {
    const rows = new ModelRows(3, (name) => name)
    assert.deepEqual(
      ['a', 'b', 'c', 'd', 'a'].map((name) => rows.rowOf(name)),
      [0, 1, 2, 2, 0],
    )
  })

  it('stay with a model that leaves the catalogue', () => {
    let listed = true
    const rows = new ModelRows(3, (name) => (listed ? name : undefined))
    const row = rows.rowOf('a')
    listed = false
    assert.equal(rows.rowOf('a'), row)
  })
})
