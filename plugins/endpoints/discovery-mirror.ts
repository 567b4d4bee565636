/**
 * Mirrors the models of all endpoints on a serving thread; the control thread discovers them. Decorates `modelCatalog`
 * and `modelDiscovery`; depends on the link to the other threads and the shared cells. The app is ready once the
 * catalogue equals the control thread's; needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { ModelCatalog } from '../../src/endpoints/discovery/catalog.ts'
import { followCatalog } from '../../src/endpoints/discovery/catalog-replica.ts'
import { DiscoveryMirror } from '../../src/endpoints/discovery/discovery-mirror.ts'
import {
  DiscoveryRecords,
  discoveryCells,
  type ModelRefresher,
} from '../../src/endpoints/discovery/discovery-records.ts'

export type DiscoveryMirrorOptions = Sections<'discovery'>

declare module 'fastify' {
  interface FastifyInstance {
    modelCatalog: ModelCatalog
    modelDiscovery: ModelRefresher
  }
}

export default fp<DiscoveryMirrorOptions>(
  async function discoveryMirror(app, options) {
    const { discovery } = readSections(options, ['discovery'])
    const catalog = new ModelCatalog()
    const link = app.gatewayPeers
    const fetchAll = followCatalog(catalog, link)
    app.decorate('modelCatalog', catalog)
    app.decorate(
      'modelDiscovery',
      new DiscoveryMirror(discovery.modelDiscovery.enabled, {
        records: new DiscoveryRecords(app.gatewayState.of(discoveryCells)),
        link,
      }),
    )
    app.addHook('onReady', fetchAll)
  },
  {
    name: 'gateway-model-discovery',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-state'],
  },
)
