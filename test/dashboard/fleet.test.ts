import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type {
  EndpointsView,
  GatewayEvent,
  ModelStatsView,
  ModelsView,
} from '../../dashboard/src/api/types.ts'
import { withEndpointEvent, withSampleLoad } from '../../dashboard/src/state/endpoint-rows.ts'
import { loadedModels, modelRows } from '../../dashboard/src/state/model-rows.ts'
import { sortedRows } from '../../dashboard/src/state/sort-rows.ts'
import { sampleAt } from './samples.ts'

const readAt = new Date(sampleAt(10).at_ms).toISOString()
const later = new Date(sampleAt(12).at_ms).toISOString()
const earlier = new Date(sampleAt(8).at_ms).toISOString()

const view = {
  timestamp: readAt,
  endpoints: [
    { id: 'a', name: 'box', status: 'healthy', in_flight: 2, breaker: { state: 'closed', reason: '' } },
    { id: 'b', name: 'gpu', status: 'healthy', in_flight: 1, breaker: { state: 'closed', reason: '' } },
  ],
} as unknown as EndpointsView

const event = (type: string, at: string, data: Record<string, unknown>): GatewayEvent => ({
  id: '1',
  type,
  at,
  data,
})

describe('the fleet between two readings', () => {
  it('shows a change of an endpoint as soon as its event arrives', () => {
    const down = event('endpoint.status', later, {
      endpoint: 'gpu',
      from: 'healthy',
      to: 'offline',
      reason: 'refused',
    })
    const [box, gpu] = withEndpointEvent(view, down).endpoints
    assert.equal(box, view.endpoints[0])
    assert.equal(gpu?.status, 'offline')
    assert.equal(gpu?.status_reason, 'refused')
    assert.equal(gpu?.status_since, later)
  })

  it("shows a change of an endpoint's circuit", () => {
    const opened = event('breaker.transition', later, {
      endpoint: 'gpu',
      from: 'closed',
      to: 'open',
      reason: '5 in a row',
    })
    assert.deepEqual(withEndpointEvent(view, opened).endpoints[1]?.breaker, {
      state: 'open',
      reason: '5 in a row',
      since: later,
    })
  })

  it('ignores events older than the last reading, and other events', () => {
    const old = event('endpoint.status', earlier, { endpoint: 'gpu', to: 'offline', reason: 'refused' })
    assert.equal(withEndpointEvent(view, old), view)
    assert.equal(withEndpointEvent(view, event('request.failover', later, { from: 'gpu' })), view)
  })

  it('takes the load from samples; an endpoint missing in a sample has none', () => {
    const changed = withSampleLoad(view, sampleAt(12, { endpoints: { a: [7, 1, 0, null] } }))
    assert.deepEqual(
      changed.endpoints.map(({ in_flight }) => in_flight),
      [7, 0],
    )
    assert.equal(withSampleLoad(view, sampleAt(8, { endpoints: {} })), view)
  })
})

describe('the models', () => {
  const models = {
    model_groups: [
      {
        family: 'llama',
        models: [{ name: 'llama3.2:3b', endpoints: ['box', 'gpu'], loaded_endpoints: ['gpu'] }],
      },
      {
        family: 'unknown',
        models: [
          { name: 'mystery', endpoints: ['gpu'], loaded_endpoints: ['gpu'] },
          { name: 'idle', endpoints: ['box'] },
        ],
      },
    ],
  } as unknown as ModelsView

  it('are joined with their usage', () => {
    const stats = { models: [{ name: 'llama3.2:3b', total_requests: 4 }] } as unknown as ModelStatsView
    const [llama, mystery, idle] = modelRows(models, stats)
    assert.deepEqual(llama?.places, [
      { endpoint: 'box', isLoaded: false },
      { endpoint: 'gpu', isLoaded: true },
    ])
    assert.equal(llama?.family, 'llama')
    assert.equal(llama?.stats?.total_requests, 4)
    assert.equal(mystery?.stats, undefined)
    assert.deepEqual(idle?.places, [{ endpoint: 'box', isLoaded: false }])
  })

  it('are known per endpoint if they are in memory', () => {
    assert.deepEqual(loadedModels(models), new Map([['gpu', ['llama3.2:3b', 'mystery']]]))
    assert.deepEqual(loadedModels(undefined), new Map())
  })
})

describe('sorting', () => {
  const rows = [{ n: 2 }, { n: undefined }, { n: 10 }, { n: 1 }]
  it('puts missing values last in both directions', () => {
    const by = (direction: 'ascending' | 'descending') =>
      sortedRows(rows, ({ n }) => n, { column: 'n', direction }).map(({ n }) => n)
    assert.deepEqual(by('ascending'), [1, 2, 10, undefined])
    assert.deepEqual(by('descending'), [10, 2, 1, undefined])
  })

  it('compares numbers in names as numbers', () => {
    const names = ['gpu-10', 'gpu-2', 'Box'].map((name) => ({ name }))
    const sorted = sortedRows(names, ({ name }) => name, { column: 'name', direction: 'ascending' })
    assert.deepEqual(
      sorted.map(({ name }) => name),
      ['Box', 'gpu-2', 'gpu-10'],
    )
  })
})
