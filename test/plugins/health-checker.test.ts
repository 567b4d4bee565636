import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { createEndpointApp } from '../support/endpoint-app.ts'
import { eventually } from '../support/simulator.ts'

async function startServer(
  t: TestContext,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('the health checker plugin', () => {
  it('does not delay boot for an endpoint that hangs', { timeout: 5_000 }, async (t) => {
    let probed = false
    const url = await startServer(t, () => {
      probed = true
    })
    const app = await createEndpointApp(t, [{ url, check_interval: '20s', check_timeout: '15s' }])
    assert.equal(probed, false)
    await app.ready()
    assert.equal(app.endpointRegistry.status(0), 'unknown')
    await eventually(() => probed)
    await app.close()
    assert.equal(app.endpointRegistry.status(0), 'unknown')
  })

  it('probes over real connections, with its own User-Agent and the endpoint’s credentials', async (t) => {
    const requests: IncomingMessage[] = []
    const url = await startServer(t, (request, response) => {
      requests.push(request)
      response.end('ok')
    })
    const app = await createEndpointApp(t, [
      { url: `${url}/base`, health_check_url: '/ready', auth: { type: 'bearer', token: 's3' } },
    ])
    await app.ready()
    await eventually(() => app.endpointRegistry.status(0) === 'healthy')
    const [request] = requests
    assert.equal(request?.method, 'GET')
    assert.equal(request?.url, '/base/ready')
    assert.equal(request?.headers['user-agent'], 'olla-gateway-HealthChecker/1.2.3')
    assert.equal(request?.headers['cache-control'], 'no-cache')
    assert.equal(request?.headers.authorization, 'Bearer s3')
    const { lastLatencyMs, lastError } = app.healthChecker.record(0)
    assert.ok(lastLatencyMs !== undefined && lastLatencyMs > 0)
    assert.equal(lastError, undefined)
  })

  it('reports why an endpoint is unavailable, without addresses or credentials', async (t) => {
    const closed = createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const refusing = await startServer(t, (_request, response) => {
      response.statusCode = 401
      response.end('the token s3 is wrong')
    })
    const auth = { type: 'bearer', token: 's3' }
    const app = await createEndpointApp(t, [
      { url: `http://127.0.0.1:${port}`, name: 'gone', auth },
      { url: refusing, name: 'locked', auth },
    ])
    await app.ready()
    await eventually(() => app.endpointRegistry.status(0) === 'offline')
    await eventually(() => app.endpointRegistry.status(1) === 'config_error')
    assert.equal(app.healthChecker.record(0).lastError, 'connection refused')
    assert.equal(app.endpointRegistry.statusDetail(1).reason, 'probe answered with status 401')
  })

  it('requests the health route of a detected backend type', async (t) => {
    const paths: (string | undefined)[] = []
    const url = await startServer(t, (request, response) => {
      paths.push(request.url)
      response.end('ok')
    })
    const app = await createEndpointApp(t, [{ url, name: 'a', type: 'auto', check_interval: '60s' }])
    await app.ready()
    await eventually(() => app.endpointRegistry.status(0) === 'healthy')
    const profile = app.backendProfiles.get('vllm')
    assert.ok(profile !== undefined)
    app.endpointRegistry.setProfile(0, profile)
    app.gatewayEvents.publish('endpoint.detected', { endpoint: 'a', profile: 'vllm' })
    await eventually(() => paths.length === 2)
    assert.deepEqual(paths, ['/', profile.healthCheckPath])
  })
})
