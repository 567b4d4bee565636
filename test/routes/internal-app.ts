import type { TestContext } from 'node:test'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import security from '../../plugins/admin/security.ts'
import backendProfiles from '../../plugins/endpoints/backend-profiles.ts'
import gatewayStats from '../../plugins/observe/gateway-stats.ts'
import processReadings from '../../plugins/observe/process-readings.ts'
import requestContext from '../../plugins/proxy/request-context.ts'
import bufferBudget from '../../plugins/runtime/buffer-budget.ts'
import configVersions from '../../plugins/runtime/config-versions.ts'
import events from '../../plugins/runtime/events.ts'
import lifecycle from '../../plugins/runtime/lifecycle.ts'
import peers from '../../plugins/runtime/peers.ts'
import state from '../../plugins/runtime/state.ts'
import internalHealth from '../../routes/admin/health.ts'
import internalProcess from '../../routes/admin/process.ts'
import internalStats from '../../routes/admin/stats.ts'
import internalStatus from '../../routes/admin/status.ts'
import versionRoute from '../../routes/admin/version.ts'
import { parseConfig } from '../../src/config/load.ts'
import { ModelCatalog } from '../../src/endpoints/discovery/catalog.ts'
import { DiscoveryRecords, discoveryCells } from '../../src/endpoints/discovery/discovery-records.ts'
import type { ProbeRecord } from '../../src/endpoints/health/health-monitor.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { EndpointRegistry } from '../../src/endpoints/registry/registry.ts'
import { statusCells } from '../../src/endpoints/registry/status-cells.ts'
import { CircuitBreakers } from '../../src/endpoints/resilience/circuit-breakers.ts'
import { circuitCells } from '../../src/endpoints/resilience/circuit-cells.ts'
import type { RequestRecord } from '../../src/proxy/contract/request-record.ts'
import { type GapCells, gapCells } from '../../src/proxy/usage/gap-cells.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { noConnections } from '../support/no-connections.ts'

export interface InternalApp {
  readonly app: FastifyInstance
  readonly clock: FakeClock
  readonly registry: EndpointRegistry
  readonly catalog: ModelCatalog
  /** What the health checker says of every endpoint. */
  readonly probe: { current: ProbeRecord }
  readonly discoveries: DiscoveryRecords
  /** Whether every endpoint has asked for a pause. */
  readonly pausing: { current: boolean }
  /** Counts a request. */
  readonly record: (record: RequestRecord) => void
  /** Token gaps. */
  readonly gaps: GapCells
  /** Begins the drain of a shutdown. */
  readonly drain: () => Promise<void>
}

/** The internal routes over real state, with nothing that probes or proxies. */
export async function createInternalApp(
  t: TestContext,
  endpoints: readonly Endpoint[],
  options: { prefix?: string } = {},
): Promise<InternalApp> {
  const clock = new FakeClock()
  const catalog = new ModelCatalog()
  const probe = {
    current: {
      lastCheckMs: clock.nowMs(),
      nextCheckMs: clock.nowMs() + 5_000,
      lastLatencyMs: 3,
      consecutiveFailures: 0,
      lastError: undefined,
    } as ProbeRecord,
  }
  const pausing = { current: false }
  let records: DiscoveryRecords | undefined
  let registry: EndpointRegistry | undefined
  let counted: Pick<InternalApp, 'record' | 'gaps'> | undefined
  let drain: InternalApp['drain'] = () => Promise.resolve()
  const app = Fastify()
  t.after(() => app.close())
  const register = async (scope: FastifyInstance): Promise<void> => {
    await scope.register(peers)
    await scope.register(configVersions, {
      version: { version: 1, config: parseConfig({}), endpointRows: [] },
    })
    await scope.register(processReadings)
    await scope.register(events, { clock })
    await scope.register(state, { endpointCapacity: 8, modelCapacity: 8 })
    await scope.register(bufferBudget, { server: { request_limits: { max_buffered_bytes: '1MB' } } })
    await scope.register(lifecycle, { server: { shutdown_timeout: 100 } })
    const { gatewayLifecycle } = scope
    drain = async () => {
      await gatewayLifecycle.drain(noConnections)
    }
    await scope.register(requestContext, { clock })
    await scope.register(security, { clock })
    await scope.register(backendProfiles)
    const services = { clock, cells: scope.gatewayState.of(statusCells), events: scope.gatewayEvents }
    const discoveries = new DiscoveryRecords(scope.gatewayState.of(discoveryCells))
    records = discoveries
    const created = new EndpointRegistry(endpoints, services)
    registry = created
    const breakers = new CircuitBreakers(created, scope.gatewayState.of(circuitCells).endpoints, services)
    await scope.register(stub('gateway-endpoint-registry', { endpointRegistry: created }))
    await scope.register(stub('gateway-circuit-breaker', { circuitBreakers: breakers }))
    await scope.register(stub('gateway-health-checker', { healthChecker: { record: () => probe.current } }))
    await scope.register(
      stub('gateway-model-discovery', {
        modelCatalog: catalog,
        modelDiscovery: { isRunning: true, record: (slot: number) => discoveries.get(slot) },
      }),
    )
    await scope.register(
      stub('gateway-endpoint-selector', {
        endpointLoad: { wouldAccept: () => !pausing.current },
        endpointSelector: { strategy: 'priority' },
        latencyEstimator: { current: undefined },
      }),
    )
    await scope.register(stub('gateway-internal-access', { internalAccess: undefined }))
    await scope.register(stub('gateway-session-affinity', { sessionAffinity: undefined }))
    await scope.register(gatewayStats)
    const { gatewayStats: stats, gatewayState } = scope
    counted = { record: (record) => stats.record(record), gaps: gatewayState.of(gapCells) }
    scope.get('/test/record', () => {
      scope.gatewayStats.record({
        endpointSlot: 0,
        model: 'm',
        outcome: 'success',
        status: 200,
        requestBytes: 10,
        responseBytes: 20,
        durationMs: 5,
        firstByteMs: 2,
        completedAtMs: clock.nowMs(),
      })
      return {}
    })
    await scope.register(internalHealth, { clock })
    await scope.register(internalStatus, { version: '1.2.3', clock })
    await scope.register(internalStats, { clock })
    await scope.register(internalProcess, { clock })
    await scope.register(versionRoute, { version: '1.2.3' })
  }
  await app.register(register, { prefix: options.prefix ?? '' })
  await app.ready()
  if (registry === undefined || records === undefined || counted === undefined)
    throw new Error('the registry was not created')
  return { app, clock, registry, catalog, discoveries: records, probe, pausing, drain, ...counted }
}

function stub(name: string, decorators: Record<string, unknown>) {
  return fp(
    (app, _options, done) => {
      for (const [key, value] of Object.entries(decorators)) app.decorate(key, value)
      done()
    },
    { name },
  )
}
