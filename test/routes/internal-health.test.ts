import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { endpoint } from '../stats/fixtures.ts'
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
    const { app, registry } = await createInternalApp(t, [endpoint(), endpoint({ slot: 1 })])
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

  it('is not ready from the beginning of a drain, whatever the endpoints', async (t) => {
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
