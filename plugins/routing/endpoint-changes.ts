/**
 * Changes the configuration and the endpoints while requests run, for all threads of the gateway. Decorates
 * `configChanges`, which applies a configuration, and `endpointDrains`; depends on the versions of the configuration,
 * the registry and what knows endpoints. A removed endpoint leaves when its requests are over, at the latest after
 * `discovery.drain_timeout`. Runs where endpoints are probed. Stops waiting on close.
 */
import fp from 'fastify-plugin'
import type { GatewayConfig } from '../../src/config/schema/schema.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { isSameServer } from '../../src/endpoints/registry/next-endpoints.ts'
import { clearEndpointRow, clearServerRow } from '../../src/endpoints/rows/clear-row.ts'
import { EndpointRows } from '../../src/endpoints/rows/endpoint-rows.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { clearPlaceRow, clearRoutingRow } from '../../src/routing/drain/clear-row.ts'
import { cutTopic, drainTopic } from '../../src/routing/drain/drain-topics.ts'
import { EndpointDrains } from '../../src/routing/drain/endpoint-drains.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import { ConfigChanges } from '../../src/runtime/configuration/changes.ts'

export interface EndpointChangesOptions {
  /** Clears the cells of other rooms before a row gets another endpoint. */
  readonly clearRow?: (row: number) => void
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    configChanges: ConfigChanges
    endpointDrains: EndpointDrains
  }
}

const removed = 'removed from the configuration'

export default fp<EndpointChangesOptions>(
  async function endpointChanges(app, { clearRow, clock = systemClock }) {
    const {
      gatewayState: state,
      endpointRegistry: registry,
      configVersions: versions,
      gatewayPeers: link,
    } = app
    const { inFlight } = state.of(loadCells)
    const drains = new EndpointDrains({ registry, inFlight, clock })
    app.decorate('endpointDrains', drains)
    /** Removed endpoints with requests in flight. */
    const leavingSlots = new Set<number>()
    /** Of them those that the change under way returns: they must not leave before it is in force. */
    const returningSlots = new Set<number>()

    const rows = new EndpointRows(
      registry.snapshot.endpoints.map(({ name }) => name),
      {
        capacity: state.capacities.endpoints,
        clock,
        clear(row) {
          clearEndpointRow(state, row)
          clearRoutingRow(state, row)
          clearPlaceRow(state, row)
          clearRow?.(row)
        },
      },
    )
    registry.follow({
      present(endpoint, before) {
        if (before === undefined || isSameServer(before, endpoint)) return
        clearServerRow(state, endpoint.slot)
        clearRoutingRow(state, endpoint.slot)
      },
      gone: settleRows,
    })
    const changes = new ConfigChanges({
      versions,
      followers: app.configFollowers,
      events: app.gatewayEvents,
      assignRows(config) {
        const assigned = rows.assign(namesOf(config))
        for (const slot of assigned) keep(slot)
        return assigned
      },
      admits({ endpointRows }) {
        for (const slot of endpointRows) admit(slot)
      },
      async settled(next) {
        returningSlots.clear()
        await versions.join(next)
        const { leaving } = registry.snapshot
        for (const endpoint of leaving) leave(endpoint, next.config)
        settleRows()
      },
    })
    app.decorate('configChanges', changes)
    app.addHook('onClose', function stop(_app, closed) {
      drains.stop()
      deaf()
      closed()
    })

    const deaf = link.on(drainTopic, async ({ endpoint: name, drains: isDrain, by, waitMs }) => {
      const endpoint = registry.snapshot.byName.get(name)
      if (endpoint === undefined) return undefined
      const { slot } = endpoint
      if (isDrain && !isLeaving(slot)) drains.start(slot, { reason: `drained by ${by}` })
      if (!isDrain && !isLeaving(slot)) drains.end(slot, `returned to service by ${by}`)
      if (isDrain) await drains.whenDrained(slot, waitMs)
      return { endpoint: name, status: registry.status(slot), inFlight: inFlight.value(slot) }
    })

    function isLeaving(slot: number): boolean {
      return leavingSlots.has(slot) || returningSlots.has(slot)
    }

    function settleRows(): void {
      rows.settle(Object.values(registry.snapshot.bySlot).map(({ slot }) => slot))
    }

    /** Its drain might end while others join, and then nothing would return it to service. */
    function keep(slot: number): void {
      if (!leavingSlots.delete(slot)) return
      returningSlots.add(slot)
      drains.pause(slot)
    }

    /** An endpoint that has joined, or that returns while it was leaving. */
    function admit(slot: number): void {
      if (returningSlots.delete(slot)) drains.end(slot, 'returned to the configuration')
      else if (registry.service(slot) === 'joining') registry.setService(slot, 'serving', 'joined')
    }

    function leave(endpoint: Endpoint, { discovery }: GatewayConfig): void {
      const { slot } = endpoint
      if (leavingSlots.has(slot)) return
      leavingSlots.add(slot)
      drains.start(slot, {
        reason: removed,
        limitMs: discovery.drain_timeout,
        onLimit: () => void link.requestAll(cutTopic, endpoint.name),
        onEmpty() {
          leavingSlots.delete(slot)
          drains.forget(slot)
          registry.leave(slot)
          app.gatewayEvents.publish('endpoint.removed', { endpoint: endpoint.name })
        },
      })
    }
  },
  {
    name: 'gateway-endpoint-changes',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-state',
      'gateway-config-versions',
      'gateway-endpoint-registry',
      'gateway-health-checker',
    ],
  },
)

function namesOf({ discovery }: GatewayConfig): string[] {
  return discovery.static.endpoints.map(({ name, url }) => name ?? new URL(url).host)
}
