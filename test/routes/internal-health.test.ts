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

  it('is not ready from the beginning of a drain, while requests still finish', async (t) => {
    const { app, registry } = await createInternalApp(t, [endpoint()])
    registry.setStatus(0, 'healthy', 'answered')
    await app.listen({ host: '127.0.0.1', port: 0 })
    let during: Promise<Response> | undefined
    const url = app.listeningOrigin
    app.addHook('onRoute', () => {})
    t.after(() => during)
    const before = await fetch(`${url}/internal/ready`)
    assert.equal(before.status, 200)
    assert.deepEqual(await before.json(), {
      status: 'ready',
      reason: 'serving',
      routable_endpoints: 1,
      total_endpoints: 1,
    })
  })
})
