import type { KeyChange } from '../../../config/changes/compare.ts'
import type { Topic } from '../../links/peer-link.ts'
import type { SettingError } from './setting-overlay.ts'

/** What an operator asks for. */
export type SettingOrder = {
  readonly by: string
  readonly dryRun: boolean
  /** The change applies only to this version of the configuration. */
  readonly ifVersion: number | undefined
} & SettingChange

export type SettingChange =
  | { readonly action: 'add-alias' | 'set-alias'; readonly name: string; readonly value: unknown }
  | { readonly action: 'remove-alias' | 'reset-alias'; readonly name: string }
  | { readonly action: 'set-log-level'; readonly value: unknown }
  | { readonly action: 'reset-log-level' | 'reset-limits' }
  | { readonly action: 'change-limits'; readonly value: Readonly<Record<string, unknown>> }

export type SettingResult =
  | {
      readonly outcome: 'applied' | 'unchanged'
      readonly version: number
      readonly changes: readonly KeyChange[]
      /** Why the state file could not be written; the change lasts until the gateway stops. */
      readonly notKept: string | undefined
    }
  | { readonly outcome: SettingError['kind'] | 'stale' | 'refused'; readonly reason: string }

/** Changes a setting on all threads. */
export const settingOrderTopic: Topic<SettingOrder, SettingResult> = 'settings.order'

/** Settings as they are in force, in the form of the file. */
export interface SettingStatus {
  readonly version: number
  readonly aliases: readonly {
    readonly name: string
    readonly value: unknown
    readonly source: 'configured' | 'set'
  }[]
  /** Names of aliases of the configuration that an operator has removed. */
  readonly removedAliases: readonly string[]
  readonly logLevel: string
  readonly configuredLogLevel: string
  readonly logLevelSource: 'configured' | 'set'
  readonly limits: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Keys of limits that an operator has changed: `rate_limits.burst_size`. */
  readonly changedLimits: readonly string[]
}

export const settingStatusTopic: Topic<undefined, SettingStatus> = 'settings.status'
