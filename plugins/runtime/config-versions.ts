/**
 * Holds the configuration in force. Decorates `configVersions`, which plugins follow to change with it, and on the
 * control thread `configFollowers`, the other threads; depends on the link to them. A serving thread is ready once it
 * has the current version.
 */
import fp from 'fastify-plugin'
import { readSections } from '../../src/config/options/sections.ts'
import {
  followVersions,
  leadVersions,
  type VersionFollowers,
} from '../../src/runtime/configuration/version-replica.ts'
import { type ConfigVersion, ConfigVersions } from '../../src/runtime/configuration/versions.ts'

export interface ConfigVersionsOptions {
  /** The version of the start. */
  readonly version: ConfigVersion
}

declare module 'fastify' {
  interface FastifyInstance {
    configVersions: ConfigVersions
    configFollowers: VersionFollowers
  }
}

export default fp<ConfigVersionsOptions>(
  async function configVersions(app, options) {
    readSections(options, [], ['version'])
    const versions = new ConfigVersions(options.version)
    app.decorate('configVersions', versions)
    const link = app.gatewayPeers
    if (link.isControl) app.decorate('configFollowers', leadVersions(versions, link))
    else app.addHook('onReady', followVersions(versions, link))
  },
  { name: 'gateway-config-versions', fastify: '5.x', dependencies: ['gateway-peers'] },
)
