import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import requestContext from '../../plugins/proxy/request-context.ts'
import sessionAffinity, { type SessionAffinityOptions } from '../../plugins/proxy/session-affinity.ts'
import endpointSelector from '../../plugins/routing/endpoint-selector.ts'
import type { EndpointStatus } from '../../src/kernel/endpoint-status.ts'
import { LocalSessionStore } from '../../src/routing/affinity/session-store.ts'
import { createEndpointApp } from '../support/endpoint-app.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { delivered } from '../support/registry.ts'

async function setUp(t: TestContext, options: SessionAffinityOptions = {}) {
  const clock = new FakeClock()
  const endpoints = ['one', 'two'].map((name, at) => ({
    name,
    url: `http://127.0.0.1:${9_001 + at}`,
    type: 'vllm',
  }))
  const app = await createEndpointApp(t, endpoints, { clock })
  await app.register(requestContext, { clock })
  await app.register(endpointSelector, { clock })
  await app.register(sessionAffinity, { clock, proxy: { sticky_sessions: { enabled: true } }, ...options })
  return app
}

describe('plugin session-affinity', () => {
  it('drops the sessions of an endpoint that goes offline, and of no other', async (t) => {
    const app = await setUp(t)
    const { store } = app.sessionAffinity?.affinity ?? assert.fail()
    const kept: EndpointStatus[] = ['healthy', 'busy', 'rate_limited', 'unhealthy', 'config_error', 'warming']
    store.set(1, 0)
    store.set(2, 1)
    for (const status of kept) {
      app.endpointRegistry.setStatus(0, status, '')
      await delivered()
      assert.equal(store.get(1), 0, status)
    }
    app.endpointRegistry.setStatus(0, 'offline', '')
    await delivered()
    assert.deepEqual([store.get(1), store.get(2)], [undefined, 1])
  })

  it('uses the host’s session store', async (t) => {
    const store = new LocalSessionStore({ clock: new FakeClock(), maxSessions: 3, idleTtlMs: 0 })
    const app = await setUp(t, { store })
    assert.equal(app.sessionAffinity?.affinity.store, store)
    assert.notEqual(app.requestAffinity, undefined)
  })

  it('does nothing while it is off', async (t) => {
    const app = await setUp(t, { proxy: {} })
    assert.equal(app.sessionAffinity, undefined)
    assert.equal(app.requestAffinity, undefined)
    assert.equal(app.hasDecorator('sessionAffinity'), true)
  })

  it('requires the selector, and reports that', async (t) => {
    const app = await createEndpointApp(t, [])
    await app.register(requestContext)
    await assert.rejects(
      async () =>
        void (await app.register(sessionAffinity, { proxy: { sticky_sessions: { enabled: true } } })),
      /gateway-endpoint-selector/,
    )
  })
})
