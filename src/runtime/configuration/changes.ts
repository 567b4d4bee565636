import { compareConfigs, type KeyChange, withoutRestartKeys } from '../../config/changes/compare.ts'
import { withWriteTimeout } from '../../config/checks/write-timeout.ts'
import type { EndpointConfig, GatewayConfig } from '../../config/schema/schema.ts'
import type { EventBus } from '../events/bus.ts'
import type { VersionFollowers } from './version-replica.ts'
import type { ConfigVersion, ConfigVersions } from './versions.ts'

export interface ChangeServices {
  readonly versions: ConfigVersions
  readonly followers: VersionFollowers
  readonly events: Pick<EventBus, 'publish'>
  /** Assigns rows to the endpoints of a configuration. @throws Error if there are too few */
  readonly assignRows: (config: GatewayConfig) => number[]
  /** Called before the first thread switches: from now on each endpoint of the version may get requests. */
  readonly admits: (next: ConfigVersion) => void
  /** Called when a change is over, whether it was applied or not. */
  readonly settled: (current: ConfigVersion) => Promise<void>
}

export interface ChangeOptions {
  /** Who or what asked: an address, `SIGHUP`, `watch`. */
  readonly by: string
  /** Only compares. */
  readonly dryRun?: boolean | undefined
  /** Called if the change is not applied, before the next one begins: it takes back what `make` prepared elsewhere. */
  readonly revert?: () => void
}

export interface ChangeResult {
  /** `unchanged`: nothing differs that can be applied. */
  readonly outcome: 'applied' | 'unchanged' | 'refused'
  /** The version from now on. */
  readonly version: number
  readonly changes: readonly KeyChange[]
  /** Why the change was refused. */
  readonly reason?: string | undefined
}

/**
 * Adds endpoints to those of the configuration and earlier layers, or changes them. Called once for each change, with the
 * configuration that it brings. Names are unique.
 */
export type EndpointLayer = (
  endpoints: readonly EndpointConfig[],
  config: GatewayConfig,
) => readonly EndpointConfig[]

/** Changes settings other than endpoints. Called once for each change, before the layers of endpoints. */
export type SettingLayer = (config: GatewayConfig) => GatewayConfig

/** Changes the configuration of all threads, one change after the other. Only on the control thread. */
export class ConfigChanges {
  readonly #services: ChangeServices
  readonly #layers: EndpointLayer[] = []
  readonly #settings: SettingLayer[] = []
  /** The configuration in force without layers. */
  #base: GatewayConfig
  #last: Promise<unknown> = Promise.resolve()

  constructor(services: ChangeServices) {
    this.#services = services
    this.#base = services.versions.current.config
  }

  /** The layer counts from the next change on. */
  addLayer(layer: EndpointLayer): void {
    this.#layers.push(layer)
  }

  /** The layer counts from the next change on. */
  addSettings(layer: SettingLayer): void {
    this.#settings.push(layer)
  }

  /** Applies what layers have now. */
  refresh(by: string): Promise<ChangeResult> {
    return this.apply((base) => base, { by })
  }

  /**
   * @param make gives the next configuration from the current one, both without layers, when the changes before it are
   * over
   */
  apply(make: (current: GatewayConfig) => GatewayConfig, options: ChangeOptions): Promise<ChangeResult> {
    const result = this.#last.then(() => this.#apply(make, options))
    this.#last = result.catch(() => {})
    return result
  }

  async #apply(
    make: (current: GatewayConfig) => GatewayConfig,
    { by, dryRun, revert }: ChangeOptions,
  ): Promise<ChangeResult> {
    const { versions, followers, events, assignRows, admits, settled } = this.#services
    const { current } = versions
    const base = withWriteTimeout(make(this.#base))
    const wanted = this.#withLayers(base)
    const changes = compareConfigs(current.config, wanted)
    if (dryRun === true) this.#takeBack(revert)
    const isDue = dryRun !== true && changes.some(({ isLive }) => isLive)
    // What a layer hides may still differ.
    if (dryRun !== true && !isDue) this.#keep(base)
    if (!isDue) return { outcome: 'unchanged', version: current.version, changes }
    const config = withoutRestartKeys(current.config, wanted, changes)
    try {
      const next = { version: current.version + 1, config, endpointRows: assignRows(config) }
      await versions.join(next)
      versions.prepare(next)
      const refusal = await followers.prepare(next)
      if (refusal !== undefined) throw new Error(refusal)
      admits(next)
      versions.commit(next.version)
      await followers.commit(next.version)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#takeBack(revert)
      await settled(versions.current)
      return { outcome: 'refused', version: versions.current.version, changes, reason }
    }
    this.#keep(base)
    await settled(versions.current)
    events.publish('config.changed', {
      version: versions.current.version,
      by,
      keys: changes.filter(({ isLive }) => isLive).map(({ key }) => key),
      needsRestart: changes.filter(({ isLive }) => !isLive).map(({ key }) => key),
    })
    return { outcome: 'applied', version: versions.current.version, changes }
  }

  #keep(base: GatewayConfig): void {
    this.#base = withoutRestartKeys(this.#base, base, compareConfigs(this.#base, base))
  }

  /** Layers then have seen the endpoints in force last. */
  #takeBack(revert: ChangeOptions['revert']): void {
    revert?.()
    this.#withLayers(this.#base)
  }

  #withLayers(base: GatewayConfig): GatewayConfig {
    const config = this.#settings.reduce((present, layer) => layer(present), base)
    if (this.#layers.length === 0) return config
    const endpoints = this.#layers.reduce<readonly EndpointConfig[]>(
      (present, layer) => layer(present, config),
      config.discovery.static.endpoints,
    )
    return {
      ...config,
      discovery: { ...config.discovery, static: { ...config.discovery.static, endpoints: [...endpoints] } },
    }
  }
}
