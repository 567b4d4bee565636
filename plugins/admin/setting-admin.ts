/**
 * Changes aliases, the log level and limits on request, for all threads of the gateway. Decorates nothing; depends on what
 * changes the configuration, and on what keeps the changes. Runs where endpoints are probed. Kept settings take effect once
 * the app is ready. Needs no cleanup on close. Uses if present: `followsLogLevel`.
 */
import fp from 'fastify-plugin'
import { compareConfigs } from '../../src/config/changes/compare.ts'
import { parseConfig } from '../../src/config/load.ts'
import { readSections } from '../../src/config/options/sections.ts'
import {
  noSettings,
  SettingError,
  SettingOverlay,
} from '../../src/runtime/configuration/settings/setting-overlay.ts'
import { settingStatus } from '../../src/runtime/configuration/settings/setting-status.ts'
import {
  type SettingChange,
  type SettingOrder,
  type SettingResult,
  settingOrderTopic,
  settingStatusTopic,
} from '../../src/runtime/configuration/settings/setting-topics.ts'

class StaleVersion extends Error {}

export default fp(
  async function settingAdmin(app, options) {
    readSections(options, [])
    const { configChanges: changes, configVersions: versions, operatorState: state } = app
    const overlay = new SettingOverlay(parseConfig, versions.current.config)
    changes.addSettings((config) => overlay.over(config))
    app.gatewayPeers.on(settingOrderTopic, order)
    app.gatewayPeers.on(settingStatusTopic, () => settingStatus(overlay, versions.current))
    if (state.state.settings !== noSettings) app.addHook('onReady', takeKept)

    async function takeKept(): Promise<void> {
      const by = 'state_file'
      const publish = (reason: string) => app.gatewayEvents.publish('config.refused', { by, reason })
      try {
        overlay.take(state.state.settings)
      } catch (error) {
        if (!(error instanceof SettingError)) throw error
        publish(`server.state_file: ${error.message}`)
        return
      }
      const { outcome, reason = '' } = await changes.refresh(by)
      if (outcome === 'refused') publish(reason)
    }

    async function order(wanted: SettingOrder): Promise<SettingResult> {
      const { by, dryRun, ifVersion } = wanted
      let before = overlay.entries
      try {
        const result = await changes.apply(
          (base) => {
            if (ifVersion !== undefined && ifVersion !== versions.current.version) throw new StaleVersion()
            before = overlay.entries
            const present = overlay.over(base)
            change(wanted)
            const waiting = compareConfigs(present, overlay.over(base)).filter(({ isLive }) => !isLive)
            if (waiting.length === 0) return base
            overlay.take(before)
            const keys = waiting.map(({ key }) => key).join(', ')
            throw new SettingError('restart', `${keys}: needs a restart, because it is off`)
          },
          { by, dryRun, revert: () => overlay.take(before) },
        )
        const { outcome, version, changes: made, reason = '' } = result
        if (outcome === 'refused') return { outcome, reason }
        const notKept = dryRun ? undefined : await state.keep({ settings: overlay.entries })
        return { outcome, version, changes: made, notKept }
      } catch (error) {
        if (error instanceof SettingError) return { outcome: error.kind, reason: error.message }
        if (!(error instanceof StaleVersion)) throw error
        return { outcome: 'stale', reason: 'The configuration has another version by now.' }
      }
    }

    function change(wanted: SettingChange): void {
      switch (wanted.action) {
        case 'add-alias':
        case 'set-alias':
          overlay.setAlias(wanted.name, wanted.value, wanted.action === 'add-alias')
          break
        case 'remove-alias':
          overlay.removeAlias(wanted.name)
          break
        case 'reset-alias':
          overlay.resetAlias(wanted.name)
          break
        case 'set-log-level':
          if (!app.hasDecorator('followsLogLevel'))
            throw new SettingError(
              'restart',
              'The log level is up to the application that embeds the gateway.',
            )
          overlay.setLogLevel(wanted.value)
          break
        case 'reset-log-level':
          overlay.setLogLevel(undefined)
          break
        case 'change-limits':
          overlay.changeLimits(wanted.value)
          break
        case 'reset-limits':
          overlay.resetLimits()
          break
      }
    }
  },
  {
    name: 'gateway-setting-admin',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-config-versions',
      'gateway-endpoint-changes',
      'gateway-operator-state',
    ],
  },
)
