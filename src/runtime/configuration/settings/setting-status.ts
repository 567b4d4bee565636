import { isRecord } from '../../../config/file/decode.ts'
import { encodeConfig } from '../../../config/print.ts'
import type { ConfigVersion } from '../versions.ts'
import { limitKeys, type SettingOverlay } from './setting-overlay.ts'
import type { SettingStatus } from './setting-topics.ts'

/** Settings in force, and which of them operators have changed. */
export function settingStatus(
  overlay: Pick<SettingOverlay, 'entries' | 'below'>,
  { version, config }: Pick<ConfigVersion, 'version' | 'config'>,
): SettingStatus {
  const { aliases, limits, logLevel } = overlay.entries
  const { server, proxy, model_aliases: shown } = encodeConfig(config)
  return {
    version,
    aliases: Object.entries(isRecord(shown) ? shown : {}).map(([name, value]) => ({
      name,
      value,
      source: Object.hasOwn(aliases, name) ? 'set' : 'configured',
    })),
    removedAliases: Object.keys(overlay.below.model_aliases).filter((name) => aliases[name] === null),
    logLevel: config.logging.level,
    configuredLogLevel: overlay.below.logging.level,
    logLevelSource: logLevel === undefined ? 'configured' : 'set',
    limits: {
      rate_limits: pick(isRecord(server) ? server.rate_limits : undefined, limitKeys.rate_limits),
      queue: pick(isRecord(proxy) ? proxy.queue : undefined, limitKeys.queue),
    },
    changedLimits: Object.entries(limits).flatMap(([group, keys]) =>
      Object.keys(keys).map((key) => `${group}.${key}`),
    ),
  }
}

function pick(section: unknown, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, isRecord(section) ? section[key] : undefined]))
}
