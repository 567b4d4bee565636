import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import Fastify from 'fastify'
import circuitBreaker from '../../plugins/endpoints/circuit-breaker.ts'
import events from '../../plugins/runtime/events.ts'
import state from '../../plugins/runtime/state.ts'
import type { GatewayEvent } from '../../src/runtime/events/events.ts'
import { createEndpointApp } from '../support/endpoint-app.ts'
import { delivered } from '../support/registry.ts'

describe('the circuit breaker plugin', () => {
  it('decorates a breaker per endpoint, with its own policy, and publishes transitions', async (t) => {
    const app = await createEndpointApp(t, [
      { url: 'http://127.0.0.1:1', name: 'a' },
      { url: 'http://127.0.0.1:2', name: 'b', circuit_breaker: { failure_threshold: 2 } },
      { url: 'http://127.0.0.1:3', name: 'c', circuit_breaker: { enabled: false } },
    ])
    const seen: GatewayEvent[] = []
    app.gatewayEvents.subscribe((event) => seen.push(event), { types: ['breaker.transition'] })
    for (const slot of [0, 1, 2]) {
      for (let failure = 0; failure < 2; failure++) {
        app.circuitBreakers.settle({ endpoint: { slot } }, 'closed', { kind: 'status', statusCode: 503 })
      }
    }
    assert.deepEqual(
      [0, 1, 2].map((slot) => app.circuitBreakers.get(slot).state),
      ['closed', 'open', 'closed'],
    )
    await delivered()
    assert.deepEqual(
      seen.map(({ data }) => data),
      [
        {
          endpoint: 'b',
          from: 'closed',
          to: 'open',
          reason: '2 consecutive failures, the last: status 503',
        },
      ],
    )
  })

  it('fails at boot if a required plugin is missing, and names it', async (t) => {
    const app = Fastify()
    t.after(() => app.close())
    await app.register(events)
    await app.register(state)
    await assert.rejects(async () => {
      await app.register(circuitBreaker)
    }, /gateway-endpoint-registry.*gateway-circuit-breaker/)
  })
})
