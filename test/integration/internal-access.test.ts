import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import Fastify from 'fastify'
import { parseConfig } from '../../src/config/load.ts'
import gateway from '../../src/gateway.ts'

/** Statuses of all internal routes, asked from an address that no rule lets in. */
async function requestEach(t: TestContext, dashboard: Record<string, unknown>) {
  const app = Fastify()
  t.after(() => app.close())
  const routes = new Set<string>()
  app.addHook('onRoute', ({ method, url }) => {
    if (!url.startsWith('/internal/')) return
    for (const each of [method].flat())
      if (each !== 'HEAD' && each !== 'OPTIONS') routes.add(`${each} ${url}`)
  })
  await app.register(gateway, {
    config: parseConfig({ dashboard, server: { rate_limits: { health_requests_per_minute: 0 } } }),
  })
  const statuses = new Map<string, number>()
  for (const route of routes) {
    const [method = '', url = ''] = route.split(' ')
    const answer = await app.inject({
      method: method as 'GET',
      url: url.replace('*', '').replace(/:\w+/, 'x'),
      headers: { host: 'localhost', 'x-olla-gateway': '1' },
      remoteAddress: '203.0.113.9',
    })
    statuses.set(route, answer.statusCode)
  }
  return statuses
}

const always = [
  'GET /internal/clients',
  'GET /internal/clients/:name',
  'POST /internal/explain',
  'GET /internal/openapi.json',
  'GET /internal/config',
  'GET /internal/events',
  'GET /internal/inflight',
  'DELETE /internal/inflight/:id',
  'GET /internal/requests',
  'GET /internal/requests/:id',
  'GET /internal/samples',
  'GET /internal/ui/*',
]

describe('the routes of a gateway below /internal', () => {
  it('deny other clients the routes that show or change requests', async (t) => {
    const statuses = await requestEach(t, {})
    for (const route of always) assert.equal(statuses.get(route), 403, route)
    for (const route of ['status', 'status/endpoints', 'stats/models', 'process', 'metrics', 'health']) {
      assert.equal(statuses.get(`GET /internal/${route}`), 200, route)
    }
  })

  it('deny other clients everything except probes with gate_internal_api', async (t) => {
    const statuses = await requestEach(t, { gate_internal_api: true })
    // The last one only leads to the page, which is gated.
    const isOpen = (route: string) => /\/internal\/(?:health|ready|ui)$/.test(route)
    // The gateway accepts those methods on no route.
    const isRefused = (route: string, status: number) =>
      status === 403 || (status === 405 && /^(?:TRACE|QUERY) /.test(route))
    const open = [...statuses].filter(([route, status]) => !isRefused(route, status) && !isOpen(route))
    assert.deepEqual(open, [])
    assert.equal(statuses.get('GET /internal/health'), 200)
    assert.ok(statuses.size > 30)
  })
})
