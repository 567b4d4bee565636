/**
 * Adds, changes and removes endpoints on request, for all threads of the gateway. Decorates nothing; depends on what
 * changes the configuration, and on what keeps the changes. Runs where endpoints are probed. Kept endpoints join once the
 * app is ready. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { parseEndpoint } from '../../src/config/load.ts'
import { readSections } from '../../src/config/options/sections.ts'
import { encodeConfig, encodeEndpoint } from '../../src/config/print.ts'
import { EndpointOverlay, OverlayError } from '../../src/endpoints/overlay/endpoint-overlay.ts'
import {
  type OverlayOrder,
  type OverlayResult,
  overlayOrderTopic,
  overlayStatusTopic,
} from '../../src/endpoints/overlay/overlay-topics.ts'

class StaleVersion extends Error {}

export default fp(
  async function endpointAdmin(app, options) {
    readSections(options, [])
    const { configChanges: changes, configVersions: versions, operatorState: state } = app
    const knownTypes = app.backendProfiles.types()
    const overlay = new EndpointOverlay(
      { parse: (value) => parseEndpoint(value, knownTypes), encode: encodeEndpoint },
      state.state.endpoints,
    )
    overlay.over(versions.current.config.discovery.static.endpoints)
    changes.addLayer((endpoints) => overlay.over(endpoints))
    app.gatewayPeers.on(overlayOrderTopic, order)
    app.gatewayPeers.on(overlayStatusTopic, status)
    if (overlay.entries.size > 0) app.addHook('onReady', join)

    async function join(): Promise<void> {
      const { outcome, reason = '' } = await changes.refresh('state_file')
      if (outcome === 'refused') app.gatewayEvents.publish('config.refused', { by: 'state_file', reason })
    }

    async function order(wanted: OverlayOrder): Promise<OverlayResult> {
      const { by, dryRun, ifVersion } = wanted
      let name = wanted.action === 'add' ? '' : wanted.name
      let before = overlay.entries
      try {
        const {
          outcome,
          version,
          changes: made,
          reason = '',
        } = await changes.apply(
          (base) => {
            if (ifVersion !== undefined && ifVersion !== versions.current.version) throw new StaleVersion()
            before = overlay.entries
            if (wanted.action === 'add') name = overlay.add(wanted.value)
            else if (wanted.action === 'change') overlay.change(name, wanted.value)
            else if (wanted.action === 'remove') overlay.remove(name)
            else overlay.reset(name)
            return base
          },
          { by, dryRun, revert: () => overlay.restore(before) },
        )
        if (outcome === 'refused') return { outcome, reason }
        const notKept = dryRun ? undefined : await state.keep({ endpoints: overlay.entries })
        return { outcome, name, version, changes: made, notKept }
      } catch (error) {
        if (error instanceof OverlayError) return { outcome: error.kind, reason: error.message }
        if (!(error instanceof StaleVersion)) throw error
        return { outcome: 'stale', reason: 'The configuration has another version by now.' }
      }
    }

    function status() {
      const { version, config } = versions.current
      const shown = encodeConfig(config).discovery
      const listed = isSection(shown) && isSection(shown.static) ? shown.static.endpoints : []
      const endpoints = Array.isArray(listed) ? listed.filter(isSection) : []
      return {
        version,
        endpoints: endpoints.map(({ name, ...settings }, at) => {
          const { url = '' } = config.discovery.static.endpoints[at] ?? {}
          const known = typeof name === 'string' ? name : new URL(url).host
          return { ...overlay.view(known), name: known, settings }
        }),
        removed: overlay.removed(),
      }
    }
  },
  {
    name: 'gateway-endpoint-admin',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-config-versions',
      'gateway-backend-profiles',
      'gateway-endpoint-changes',
      'gateway-operator-state',
    ],
  },
)

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
