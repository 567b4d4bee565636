/**
 * Exchanges what this replica sees of endpoints with the others, and divides the probes among them; the control thread
 * registers it. Decorates nothing; depends on the cluster, the registry, the breakers, the health checker and the shared
 * cells. Stops on close.
 */
import fp from 'fastify-plugin'
import { Leadership } from '../../src/cluster/membership/leadership.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { HealthChecker } from '../../src/endpoints/health/health-checker.ts'
import { coolDownCells } from '../../src/endpoints/resilience/cool-down.ts'
import { SharedEndpoints } from '../../src/endpoints/shared/shared-endpoints.ts'
import { SharedModels } from '../../src/endpoints/shared/shared-models.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface SharedEndpointsPluginOptions extends Sections<'cluster'> {
  readonly clock?: Clock
}

export default fp<SharedEndpointsPluginOptions>(
  async function sharedEndpoints(app, options) {
    const { probe } = readSections(options, ['cluster'], ['clock']).cluster
    const { cluster, endpointRegistry: registry, healthChecker: checker } = app
    // The control thread probes.
    if (!(checker instanceof HealthChecker)) return
    const clock = options.clock ?? systemClock
    const leadership = new Leadership(cluster.id, probe === 'shared', () => cluster.state === 'joined')
    cluster.probes = () =>
      registry.snapshot.endpoints.map(({ name }) => ({ endpoint: name, replica: leadership.leaderOf(name) }))
    const leads = (slot: number) => leadership.leads(registry.snapshot.bySlot[slot]?.name ?? '')
    checker.leads = leads
    const shared = new SharedEndpoints({
      clock,
      cluster,
      registry,
      breakers: app.circuitBreakers,
      models: new SharedModels({ clock, breakers: app.circuitBreakers }),
      checker,
      pausedUntilMs: app.gatewayState.of(coolDownCells).untilMs,
      leads,
    })
    cluster.news.on('endpoints', ({ states }) => shared.news(states))
    cluster.add(shared)
    registry.follow({ gone: ({ name }) => shared.gone(name) })
    cluster.add({
      membersChanged(members) {
        const slots = registry.snapshot.endpoints.map(({ slot }) => slot)
        const before = slots.filter(leads)
        leadership.members = members.map(({ id }) => id)
        for (const slot of slots) if (leads(slot) && !before.includes(slot)) void checker.probeNow(slot)
      },
      inexact: () => (probe === 'shared' ? ['probes: each replica probes every endpoint'] : []),
    })
    app.addHook('onReady', function start(ready) {
      shared.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      shared.stop()
      closed()
    })
  },
  {
    name: 'gateway-shared-endpoints',
    fastify: '5.x',
    dependencies: [
      'gateway-cluster',
      'gateway-endpoint-registry',
      'gateway-circuit-breaker',
      'gateway-health-checker',
      'gateway-state',
    ],
  },
)
