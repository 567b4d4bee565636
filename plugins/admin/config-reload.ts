/**
 * Loads the configuration again on request, for all threads of the gateway. Decorates `configReloads`; depends on what
 * changes the configuration. Runs where endpoints are probed. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import {
  ConfigReloads,
  type ConfigSource,
  reloadStatusTopic,
  reloadTopic,
} from '../../src/runtime/configuration/reloads.ts'

export interface ConfigReloadOptions {
  readonly source: ConfigSource
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    configReloads: ConfigReloads
  }
}

export default fp<ConfigReloadOptions>(
  async function configReload(app, { source, clock = systemClock }) {
    const reloads = new ConfigReloads({
      source,
      changes: app.configChanges,
      versions: app.configVersions,
      events: app.gatewayEvents,
      clock,
    })
    app.decorate('configReloads', reloads)
    app.gatewayPeers.on(reloadTopic, (options) => reloads.reload(options))
    app.gatewayPeers.on(reloadStatusTopic, () => reloads.status())
  },
  {
    name: 'gateway-config-reload',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-events', 'gateway-config-versions', 'gateway-endpoint-changes'],
  },
)
