/**
 * Shares the places of endpoints with `max_concurrent`, and the numbers of requests in flight, with the other replicas;
 * the control thread registers it. Decorates nothing; depends on the cluster, the registry, the shared cells and the
 * link to the other threads. Stops on close.
 */
import fp from 'fastify-plugin'
import { PlaceLeases } from '../../src/cluster/places/place-leases.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { lineCells } from '../../src/routing/line/line-cells.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import { shareLoad } from '../../src/routing/selection/others-load.ts'
import {
  placeCells,
  placesGrantedTopic,
  placesWantedTopic,
} from '../../src/routing/selection/place-limits.ts'

export interface PlaceLeasesPluginOptions extends Sections<'cluster'> {
  readonly clock?: Clock
}

export default fp<PlaceLeasesPluginOptions>(
  async function placeLeases(app, options) {
    const { memberTimeoutMs, timeoutMs } = readSections(options, ['cluster'], ['clock']).cluster
    const { cluster, gatewayPeers: link, endpointRegistry: registry } = app
    const { inFlight } = app.gatewayState.of(loadCells)
    const { waiting } = app.gatewayState.of(lineCells)
    const { leased, share, leaseUntilMs, others } = app.gatewayState.of(placeCells)
    const leases = new PlaceLeases({
      clock: options.clock ?? systemClock,
      cluster,
      inUse: (slot) => inFlight.value(slot),
      waiting: () => waiting.value(0),
      apply(slot, allowed, ownShare) {
        Atomics.store(leased, slot, allowed)
        Atomics.store(share, slot, ownShare)
      },
      leaseUntil(untilMs) {
        leaseUntilMs[0] = untilMs
      },
      granted: (slot, places) => void link.requestAll(placesGrantedTopic, { slot, places }),
      memberTimeoutMs,
      timeoutMs,
    })
    const setEndpoints = () =>
      leases.setEndpoints(registry.snapshot.endpoints.filter(({ maxConcurrent }) => maxConcurrent > 0))
    setEndpoints()
    registry.follow({ changed: setEndpoints })
    link.on(placesWantedTopic, (slots) => {
      for (const slot of slots) leases.wanted(slot)
    })
    cluster.news.on('places', ({ endpoints: names }) => leases.news(names))
    cluster.news.on('places-reported', ({ by, epoch }) => leases.reported(by, epoch))
    cluster.leases = () => leases.view()
    cluster.add(leases)
    shareLoad(cluster, { registry, inFlight, others })
    app.addHook('onReady', function start(ready) {
      leases.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      leases.stop()
      closed()
    })
  },
  {
    name: 'gateway-place-leases',
    fastify: '5.x',
    dependencies: ['gateway-cluster', 'gateway-endpoint-registry', 'gateway-state', 'gateway-peers'],
  },
)
