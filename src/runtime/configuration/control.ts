import type { GatewayConfig } from '../../config/schema/schema.ts'
import type { ChangeResult, ConfigChanges } from './changes.ts'
import type { ConfigReloads, ReloadResult } from './reloads.ts'

/** Changes the configuration of a running gateway, on all its threads. */
export interface ConfigControl {
  /** Number of the version in force. */
  readonly version: number
  /**
   * Applies a configuration, as `parseConfig` returns it. Keys that need a restart keep their values.
   * @param by who or what asks for it, for the log
   */
  apply(config: GatewayConfig, by: string): Promise<ChangeResult>
  /** Loads the configuration again and applies it; absent without `configSource`. */
  readonly reload: ((by: string) => Promise<ReloadResult>) | undefined
}

export function configControl(app: {
  readonly configVersions: { readonly current: { readonly version: number } }
  readonly configChanges: ConfigChanges
  readonly configReloads?: ConfigReloads
}): ConfigControl {
  const { configVersions, configChanges, configReloads } = app
  return {
    get version() {
      return configVersions.current.version
    },
    apply: (config, by) => configChanges.apply(() => config, { by }),
    reload: configReloads === undefined ? undefined : (by) => configReloads.reload({ by }),
  }
}
