import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endpoint } from '../observe/stats/fixtures.ts'
import { createInternalApp } from './internal-app.ts'

describe('/internal/health', () => {
  it('is healthy as long as the process answers, without any endpoint', async (t) => {
    const { app } = await createInternalApp(t, [])
    const response = await app.inject('/internal/health')
    assert.equal(response.statusCode, 200)
    assert.equal(response.body, '{"status":"healthy"}')
  })
})

describe('/internal/ready', () => {
  it('follows the endpoints', async (t) => {
    const { app, registry, discoveries } = await createInternalApp(t, [endpoint(), endpoint({ slot: 1 })])
    discoveries.failed(1, 'no list')
    const ready = async () => {
      const response = await app.inject('/internal/ready')
      return [response.statusCode, response.json().status, response.json().routable_endpoints]
    }
    assert.deepEqual(await ready(), [503, 'not_ready', 0])
    registry.setStatus(1, 'warming', 'recovered')
    assert.deepEqual(await ready(), [200, 'ready', 1])
    registry.setStatus(1, 'offline', 'connection refused')
    assert.deepEqual(await ready(), [503, 'not_ready', 0])
  })

  it('doubts probes of an endpoint that has served, or has listed its models', async (t) => {
    const { app, registry, catalog, discoveries, clock } = await createInternalApp(t, [
      endpoint(),
      endpoint({ slot: 1 }),
    ])
    discoveries.failed(1, 'no list')
    const ready = async () => (await app.inject('/internal/ready')).json().reason
    registry.setStatus(1, 'offline', 'no answer', true)
    assert.equal(await ready(), 'no endpoint is routable')
    registry.setStatus(1, 'healthy', 'answered')
    registry.setStatus(1, 'offline', 'no answer', true)
    assert.equal(await ready(), 'serving, although the probes of all endpoints fail')
    registry.setStatus(1, 'offline', 'connection refused')
    assert.equal(await ready(), 'no endpoint is routable')
    registry.setStatus(0, 'unhealthy', 'status 404', true)
    assert.equal(await ready(), 'no endpoint is routable')
    catalog.update(endpoint(), [], clock.nowMs())
    assert.equal(await ready(), 'serving, although the probes of all endpoints fail')
  })

  it('waits until model discovery of each routable endpoint, once', async (t) => {
    const { app, registry, catalog, discoveries, clock } = await createInternalApp(t, [
      endpoint(),
      endpoint({ slot: 1 }),
      endpoint({ slot: 2 }),
    ])
    const ready = async () => (await app.inject('/internal/ready')).json().reason
    registry.setStatus(0, 'healthy', 'answered')
    registry.setStatus(1, 'healthy', 'answered')
    assert.equal(await ready(), 'the models are still unknown')
    catalog.update(endpoint(), [], clock.nowMs())
    discoveries.succeeded(0, clock.nowMs())
    assert.equal(await ready(), 'the models are still unknown')
    discoveries.failed(1, 'no list')
    assert.equal(await ready(), 'serving')
    registry.setStatus(2, 'healthy', 'answered')
    assert.equal(await ready(), 'serving')
  })

  it('waits at most a few seconds for a slow list', async (t) => {
    const { app, registry, clock } = await createInternalApp(t, [endpoint()])
    registry.setStatus(0, 'healthy', 'answered')
    assert.equal((await app.inject('/internal/ready')).statusCode, 503)
    await clock.advance(5_001)
    assert.equal((await app.inject('/internal/ready')).statusCode, 200)
  })

  it('agrees with the outcome of a request while all endpoints pause', async (t) => {
    const { app, registry, discoveries, pausing } = await createInternalApp(t, [endpoint()])
    registry.setStatus(0, 'healthy', 'answered')
    discoveries.failed(0, 'no list')
    pausing.current = true
    const response = await app.inject('/internal/ready')
    assert.deepEqual(
      [response.statusCode, response.json().reason],
      [503, 'all endpoints have requested a pause'],
    )
    pausing.current = false
    assert.equal((await app.inject('/internal/ready')).statusCode, 200)
  })

  it('is not ready from the start of a drain, for any endpoints', async (t) => {
    const { app, registry, drain } = await createInternalApp(t, [endpoint()])
    registry.setStatus(0, 'healthy', 'answered')
    const drained = drain()
    const response = await app.inject('/internal/ready')
    await drained
    assert.equal(response.statusCode, 503)
    assert.deepEqual(response.json(), {
      status: 'not_ready',
      reason: 'draining',
      routable_endpoints: 1,
      total_endpoints: 1,
    })
    assert.equal((await app.inject('/internal/health')).statusCode, 200)
  })
})
