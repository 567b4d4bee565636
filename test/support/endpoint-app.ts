import type { TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import backendProfiles from '../../plugins/endpoints/backend-profiles.ts'
import circuitBreaker from '../../plugins/endpoints/circuit-breaker.ts'
import endpointRegistry from '../../plugins/endpoints/endpoint-registry.ts'
import healthChecker from '../../plugins/endpoints/health-checker.ts'
import upstreamPools from '../../plugins/endpoints/upstream-pools.ts'
import events from '../../plugins/runtime/events.ts'
import state from '../../plugins/runtime/state.ts'
import { parseConfig } from '../../src/config/load.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** The plugins that know endpoints and their health, in the gateway's order, and nothing that serves requests. */
export async function createEndpointApp(
  t: TestContext,
  endpoints: readonly Record<string, unknown>[],
  options: { clock?: Clock; slowStartMs?: number } = {},
): Promise<FastifyInstance> {
  const { proxy, discovery } = parseConfig({ discovery: { static: { endpoints } } })
  const clock = options.clock ?? systemClock
  const app = Fastify()
  t.after(() => app.close())
  await app.register(events, { clock })
  await app.register(state, { endpointCapacity: 8, modelCapacity: 1 })
  await app.register(backendProfiles)
  await app.register(endpointRegistry, {
    discovery: { ...discovery, health: { ...discovery.health, slow_start: options.slowStartMs ?? 0 } },
    proxy,
    clock,
  })
  await app.register(upstreamPools, {})
  await app.register(circuitBreaker, { clock })
  await app.register(healthChecker, { version: '1.2.3', clock })
  return app
}
