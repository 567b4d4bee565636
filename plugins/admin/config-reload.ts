/**
 * Loads the configuration again on request, for all threads of the gateway. Decorates `configReloads`; depends on what
 * changes the configuration. Runs where endpoints are probed. Watches the file, if its source says so, until close.
 */
import { resolve } from 'node:path'
import fp from 'fastify-plugin'
import { FileRest } from '../../src/config/watch/file-rest.ts'
import { FileWatch } from '../../src/config/watch/file-watch.ts'
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
    const { file, isWatched = false } = source
    const watch =
      file === undefined || !isWatched
        ? undefined
        : new FileWatch(resolve(file), { clock, onChange: () => reloads.reload({ by: 'watch' }) })
    const reloads: ConfigReloads = new ConfigReloads({
      source,
      changes: app.configChanges,
      versions: app.configVersions,
      events: app.gatewayEvents,
      clock,
      rest: file === undefined ? undefined : new FileRest(resolve(file), clock),
      watchState: () => watch?.state,
    })
    app.decorate('configReloads', reloads)
    app.gatewayPeers.on(reloadTopic, (options) => reloads.reload(options))
    app.gatewayPeers.on(reloadStatusTopic, () => reloads.status())
    if (watch === undefined) return
    app.addHook('onReady', () => watch.start())
    app.addHook('onClose', function stop(_app, closed) {
      watch.stop()
      closed()
    })
  },
  {
    name: 'gateway-config-reload',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-events', 'gateway-config-versions', 'gateway-endpoint-changes'],
  },
)
