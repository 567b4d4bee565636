import type { TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import backendProfiles from '../../plugins/backend-profiles.ts'
import circuitBreaker from '../../plugins/circuit-breaker.ts'
import endpointRegistry from '../../plugins/endpoint-registry.ts'
import events from '../../plugins/events.ts'
import healthChecker from '../../plugins/health-checker.ts'
import state from '../../plugins/state.ts'
import upstreamPools from '../../plugins/upstream-pools.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { parseConfig } from '../../src/config/load.ts'
import { profilesFolder } from '../../src/package.ts'

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
  await app.register(backendProfiles, { builtIn: profilesFolder })
  await app.register(endpointRegistry, {
    endpoints: discovery.static.endpoints,
    proxy,
    slowStartMs: options.slowStartMs ?? 0,
    clock,
  })
  await app.register(upstreamPools, {})
  await app.register(circuitBreaker, { clock })
  await app.register(healthChecker, { version: '1.2.3', clock })
  return app
}
