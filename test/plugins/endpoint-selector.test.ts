import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import endpointSelector from '../../plugins/routing/endpoint-selector.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import type { EndpointSelector, RequestFeatures } from '../../src/routing/selection/selector.ts'
import { createEndpointApp } from '../support/endpoint-app.ts'

const endpoints = [
  { url: 'http://127.0.0.1:1', name: 'a', priority: 100 },
  { url: 'http://127.0.0.1:2', name: 'b', priority: 100 },
  { url: 'http://127.0.0.1:3', name: 'c', priority: 10 },
]

describe('the endpoint selector plugin', () => {
  it('chooses over the live state: status, circuit, in-flight', async (t) => {
    const app = await createEndpointApp(t, endpoints)
    await app.register(endpointSelector, {})
    const candidates = app.endpointRegistry.snapshot.endpoints.map((endpoint) => ({ endpoint }))
    const choose = () => app.endpointSelector.select(candidates, undefined)?.endpoint.name
    assert.equal(app.endpointSelector.strategy, 'least-connections')
    assert.equal(choose(), undefined)
    for (const slot of [0, 1, 2]) app.endpointRegistry.setStatus(slot, 'healthy', '')
    app.gatewayState.of(loadCells).inFlight.acquire(0)
    assert.equal(choose(), 'b')
    app.endpointRegistry.setStatus(1, 'offline', '')
    assert.equal(choose(), 'a')
    for (let failure = 0; failure < 5; failure++) {
      app.circuitBreakers.settle({ endpoint: { slot: 0 } }, 'closed', { kind: 'refused' })
    }
    assert.equal(choose(), 'c')
    app.endpointLoad.coolDowns.set({ endpoint: { slot: 2 } }, 60_000)
    assert.equal(choose(), undefined)
  })

  it('reads strategy and tiers from its options', async (t) => {
    const app = await createEndpointApp(t, endpoints)
    await app.register(endpointSelector, {
      proxy: { load_balancer: 'round-robin', priority_tiers: false },
    })
    for (const slot of [0, 1, 2]) app.endpointRegistry.setStatus(slot, 'healthy', '')
    const candidates = app.endpointRegistry.snapshot.endpoints.map((endpoint) => ({ endpoint }))
    const turns = Array.from(
      { length: 6 },
      () => app.endpointSelector.select(candidates, undefined)?.endpoint.name,
    )
    assert.deepEqual(turns, ['a', 'b', 'c', 'a', 'b', 'c'])
  })

  it('has no estimates and no cells for them unless something uses them', async (t) => {
    const plain = await createEndpointApp(t, endpoints)
    await plain.register(endpointSelector, {})
    const estimating = await createEndpointApp(t, endpoints)
    await estimating.register(endpointSelector, { proxy: { load_balancer: 'expected-latency' } })
    const endpoint = estimating.endpointRegistry.snapshot.bySlot[0]
    assert.ok(endpoint !== undefined)
    const isThere = ({ gatewayState }: typeof plain) =>
      [...gatewayState.blocks.keys()].some((name) => name.startsWith('estimates'))
    assert.deepEqual([isThere(plain), plain.latencyEstimator.current], [false, undefined])
    assert.equal(isThere(estimating), true)
    assert.equal(estimating.latencyEstimator.current?.estimateFor(undefined, { endpoint }).confidence, 0)
    plain.latencyEstimator.use('another part', true)
    assert.deepEqual([isThere(plain), plain.latencyEstimator.current === undefined], [true, false])
    plain.latencyEstimator.use('another part', false)
    assert.equal(plain.latencyEstimator.current, undefined)
    assert.equal(plain.endpointSelector.weighsLoading, false)
  })

  it('chooses by estimates, and passes what is known of a request to a selector of the host', async (t) => {
    const seen: (RequestFeatures | undefined)[] = []
    const features = { promptBytes: 4_000, media: 0, keys: [], sizes: [], headDepth: 0, hasHead: false }
    const app = await createEndpointApp(t, endpoints)
    await app.register(endpointSelector, { proxy: { load_balancer: 'expected-latency' } })
    for (const slot of [0, 1, 2]) app.endpointRegistry.setStatus(slot, 'healthy', '')
    const candidates = app.endpointRegistry.snapshot.endpoints.map((endpoint) => ({ endpoint }))
    assert.equal(app.endpointSelector.weighsLoading, true)
    assert.ok(app.endpointSelector.select(candidates, undefined, features) !== undefined)
    const hosted = await createEndpointApp(t, endpoints)
    await hosted.register(endpointSelector, {
      selector: () => ({
        strategy: 'own',
        select(some, _excluded, given) {
          seen.push(given)
          return some[0]
        },
      }),
    })
    for (const slot of [0, 1, 2]) hosted.endpointRegistry.setStatus(slot, 'healthy', '')
    hosted.endpointSelector.select(candidates, undefined, features)
    assert.deepEqual(seen, [features])
  })

  it('keeps a selector that the host has decorated', async (t) => {
    const own: EndpointSelector = { strategy: 'own', select: (candidates) => candidates[0] }
    const app = await createEndpointApp(t, endpoints)
    app.decorate('endpointSelector', own)
    await app.register(endpointSelector, { proxy: { load_balancer: 'priority' } })
    assert.equal(app.endpointSelector, own)
    assert.equal(app.endpointLoad.inFlight(0), 0)
  })

  it('fails at boot if a required plugin is missing, and names it', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    await assert.rejects(async () => {
      await app.register(endpointSelector, {})
    }, /gateway-state.*gateway-endpoint-selector/)
  })
})
