import { type Static, Type } from '@sinclair/typebox'
import type { SettingResult, SettingStatus } from '../../runtime/configuration/settings/setting-topics.ts'
import { Choice, Count, Text } from './fields.ts'

const Version = Count('Also as ETag; send it in If-Match to change only this version.')
const Source = Choice(['configured', 'set'], '`set`: by an operator.')

export const AliasSchema = Type.Object({
  name: Text(),
  source: Source,
  value: Type.Unknown({
    description: 'As in the configuration file: a list of models, or an object with `targets`.',
  }),
})

export const AliasesSchema = Type.Object({
  config_version: Version,
  aliases: Type.Array(AliasSchema),
  removed: Type.Array(Type.String(), {
    description: 'Aliases of the configuration that an operator has removed.',
  }),
})

export const LogLevelSchema = Type.Object({
  config_version: Version,
  level: Text(),
  source: Source,
  configured: Text('The level of the configuration.'),
})

const Keys = Type.Record(Type.String(), Type.Unknown())

/** Also a part of the limits of callers. */
export const limitSettingFields = {
  config_version: Version,
  settings: Type.Object(
    { rate_limits: Keys, queue: Keys },
    { description: 'Keys of `server.rate_limits` and `proxy.queue` as in the configuration file.' },
  ),
  changed: Type.Array(Type.String(), { description: 'Keys that an operator has changed.' }),
}

export const LimitSettingsSchema = Type.Object(limitSettingFields)

export const SettingChangeSchema = Type.Object({
  outcome: Choice(['applied', 'unchanged']),
  config_version: Count(),
  dry_run: Type.Boolean(),
  changes: Type.Array(Type.Object({ key: Type.String(), before: Type.Unknown(), after: Type.Unknown() })),
  warning: Type.Union([Type.String(), Type.Null()], {
    description: 'Why the change lasts only until the gateway stops, though there is a state file.',
  }),
})

export const AliasBodySchema = Type.Unknown({
  description: 'As in the configuration file: a list of models, or an object with `targets`.',
})

export const NewAliasBodySchema = Type.Object({
  name: Type.String(),
  targets: Type.Array(Type.Unknown(), {
    description: 'Models in order of preference, or objects with `model` and `weight`.',
  }),
})

export const LogLevelBodySchema = Type.Object({ level: Type.String() })

export const LimitBodySchema = Type.Record(Type.String(), Type.Unknown(), {
  description:
    '`rate_limits` and `queue` with keys; null returns a key or a group to what the configuration says.',
})

export function aliasesView({
  version,
  aliases,
  removedAliases,
}: SettingStatus): Static<typeof AliasesSchema> {
  return {
    config_version: version,
    aliases: aliases.map((each) => ({ ...each })),
    removed: [...removedAliases],
  }
}

export function logLevelView(status: SettingStatus): Static<typeof LogLevelSchema> {
  const { version, logLevel, logLevelSource, configuredLogLevel } = status
  return { config_version: version, level: logLevel, source: logLevelSource, configured: configuredLogLevel }
}

export function limitSettingsView({
  version,
  limits,
  changedLimits,
}: SettingStatus): Static<typeof LimitSettingsSchema> {
  const { rate_limits = {}, queue = {} } = limits
  return {
    config_version: version,
    settings: { rate_limits: { ...rate_limits }, queue: { ...queue } },
    changed: [...changedLimits],
  }
}

export function settingChangeView(
  { outcome, version, changes, notKept }: Extract<SettingResult, { readonly version: number }>,
  dryRun: boolean,
): Static<typeof SettingChangeSchema> {
  return {
    outcome,
    config_version: version,
    dry_run: dryRun,
    changes: changes.map(({ key, before, after }) => ({ key, before: before ?? null, after: after ?? null })),
    warning: notKept === undefined ? null : `server.state_file cannot be written: ${notKept}`,
  }
}
