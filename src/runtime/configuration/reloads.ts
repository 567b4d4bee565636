import type { KeyChange } from '../../config/changes/compare.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { ConfigError, type Diagnostic } from '../../config/schema/diagnostics.ts'
import type { FileRest } from '../../config/watch/file-rest.ts'
import type { WatchState } from '../../config/watch/file-watch.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { EventBus } from '../events/bus.ts'
import type { Topic } from '../links/peer-link.ts'
import type { ChangeOptions, ChangeResult, ConfigChanges } from './changes.ts'
import { loadSettled } from './settled-load.ts'
import type { ConfigVersions } from './versions.ts'

/** Where the configuration comes from; it can be loaded again. */
export interface ConfigSource {
  /** The file, as named; undefined if there is none. */
  readonly file: string | undefined
  /** Whether changes of the file are applied as they happen. Default false. */
  readonly isWatched?: boolean
  /** @throws ConfigError with every problem */
  load(): Promise<Pick<LoadedConfig, 'config' | 'warnings'>>
}

export interface ReloadResult extends ChangeResult {
  readonly file: string | undefined
  readonly isDryRun: boolean
  /** Problems and warnings, with file, line and key. */
  readonly diagnostics: readonly Diagnostic[]
}

export interface ReloadStatus {
  readonly version: number
  /** Epoch milliseconds. */
  readonly sinceMs: number
  readonly file: string | undefined
  /** Undefined if the file is not watched. */
  readonly watch: WatchState | undefined
  /** Keys whose values in the file differ from those in force until a restart. */
  readonly needsRestart: readonly string[]
  /** The last reload that was not a dry run; undefined before the first. */
  readonly last: { readonly atMs: number; readonly by: string; readonly result: ReloadResult } | undefined
}

/** A thread asks the control thread for a reload, or for its state. */
export const reloadTopic: Topic<ChangeOptions, ReloadResult> = 'config.reload'
export const reloadStatusTopic: Topic<undefined, ReloadStatus> = 'config.status'

/** Longer than a reload takes, with endpoints that do not answer and slow threads. */
export const reloadMs = 60_000

export interface ReloadServices {
  readonly source: ConfigSource
  readonly changes: Pick<ConfigChanges, 'apply'>
  readonly versions: ConfigVersions
  readonly events: Pick<EventBus, 'publish'>
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'after'>
  /** How long the file has not been written; undefined if there is no file. */
  readonly rest?: Pick<FileRest, 'look'> | undefined
  readonly watchState?: () => WatchState | undefined
}

/** Loads the configuration again and applies it. Only on the control thread. */
export class ConfigReloads {
  readonly #services: ReloadServices
  #last: ReloadStatus['last']
  #needsRestart: readonly string[] = []
  #version: number
  #sinceMs: number
  #running: Promise<unknown> = Promise.resolve()

  constructor(services: ReloadServices) {
    this.#services = services
    this.#version = services.versions.current.version
    this.#sinceMs = services.clock.nowMs()
  }

  status(): ReloadStatus {
    const { versions, source } = this.#services
    return {
      version: versions.current.version,
      sinceMs: this.#sinceMs,
      file: source.file,
      watch: this.#services.watchState?.(),
      needsRestart: this.#needsRestart,
      last: this.#last,
    }
  }

  /** One after the other, so that what was read last is in force last. */
  reload(options: ChangeOptions): Promise<ReloadResult> {
    const result = this.#running.then(() => this.#reload(options))
    this.#running = result.catch(() => {})
    return result
  }

  async #reload(options: ChangeOptions): Promise<ReloadResult> {
    const { versions, events, clock } = this.#services
    const result = await this.#load(options)
    if (result.isDryRun) return result
    this.#last = { atMs: clock.nowMs(), by: options.by, result }
    if (result.outcome === 'refused') {
      events.publish('config.refused', { by: options.by, reason: result.reason ?? '' })
      return result
    }
    this.#needsRestart = waiting(result.changes)
    const { version } = versions.current
    if (version !== this.#version) this.#sinceMs = clock.nowMs()
    this.#version = version
    return result
  }

  #read(): ReturnType<ConfigSource['load']> {
    const { source, rest, clock } = this.#services
    const { file } = source
    if (file === undefined || rest === undefined) return source.load()
    return loadSettled({ load: () => source.load(), rest, clock, file })
  }

  async #load(options: ChangeOptions): Promise<ReloadResult> {
    const { source, changes, versions } = this.#services
    const common = { file: source.file, isDryRun: options.dryRun === true }
    try {
      const { config, warnings } = await this.#read()
      return { ...(await changes.apply(() => config, options)), ...common, diagnostics: warnings }
    } catch (error) {
      const isKnown = error instanceof ConfigError
      return {
        outcome: 'refused',
        version: versions.current.version,
        changes: [],
        reason: error instanceof Error ? error.message : String(error),
        ...common,
        diagnostics: isKnown ? error.diagnostics : [],
      }
    }
  }
}

function waiting(changes: readonly KeyChange[]): string[] {
  return changes.filter(({ isLive }) => !isLive).map(({ key }) => key)
}
